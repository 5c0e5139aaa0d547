import { afterAll } from 'vitest';
import type { NewRequest, SubmittedIdentity } from '../../db/requests/create.ts';
import { acceptRequest } from '../../db/requests/create.ts';
import { readRequestStatus } from '../../db/requests/read.ts';
import { readRequestRow } from '../../db/requests/row.ts';
import { type Client, type Database, connect } from '../../db/client.ts';
import { storeCount } from '../../db/resolution/counts.ts';
import { type DigestKeys, createDigestKeys, newestDigest } from '../../db/digests.ts';
import { claim } from '../../db/deletion/claim.ts';
import { reconcileDeletion } from '../../db/deletion/reconcile.ts';
import { ensureProjects } from '../../db/project-lock.ts';
import { storeResolution } from '../../db/resolution/resolve.ts';
import type { Resolved, Identity } from '../../domain/identity.ts';
import { recordAppliedVisibility, readVisibilityChanges } from '../../db/subjects/visibility.ts';
import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import type { SystemEntry } from '../../domain/catalog.ts';
import { newId } from '../../domain/ids.ts';
import type { BusinessEvent } from '../../domain/wording/events.ts';
import type { Policy } from '../../domain/policy.ts';
import { SCOPES } from '../../domain/vocabulary.ts';
import { ledgerDatabase } from './databases.ts';

/** A migrated ledger for one test file. The functions below change it without Temporal and without a system. */
export interface Ledger {
  /** The driver of `database`, for SQL in tests. */
  readonly sql: Client;
  readonly database: Database;
  /** A second pool, as the API uses for reads. */
  readonly reading: Database;
  readonly url: string;
  /** Every statement that both pools have sent. */
  readonly statements: string[];
  /** Every business event of committed transactions. */
  readonly events: BusinessEvent[];
  closeLedger(): Promise<void>;
}

export const KEYS = createDigestKeys([{ id: 'k1', key: Buffer.alloc(32, 7) }]);
/** The same keys after a rotation: a newer key comes first. */
export const ROTATED: DigestKeys = [...createDigestKeys([{ id: 'k2', key: Buffer.alloc(32, 9) }]), ...KEYS];
export const PROJECT = 'demo';
export const START = new Date('2026-01-05T10:00:00Z');
/** The time `count` days after START. */
export const days = (count: number): Date => new Date(START.getTime() + count * DAY_MS);
/** The first run after the grace period of a request that is accepted at START. */
export const RUN = new Date('2026-01-20T02:00:00Z');
/** The time `hours` hours after RUN. */
export const after = (hours: number): Date => new Date(RUN.getTime() + hours * HOUR_MS);

export const POLICY: Policy = {
  graceMs: 14 * DAY_MS,
  window: { dailyAtMs: 2 * HOUR_MS },
  quotaPerRun: null,
  settleMs: DAY_MS,
  subjectsPerRequest: 2_000,
  subjectsPerUpload: 10_000,
  subjectsPerSegment: 50_000,
  callsPerMinute: 600,
  deadlineMs: { gdpr: 30 * DAY_MS, ccpa: 45 * DAY_MS },
  growth: 0.1,
  exportsKeptMs: 7 * DAY_MS,
  exportFirst: false,
};

export const APP: SystemEntry = {
  name: 'app',
  kinds: ['user'],
  identityTypes: {
    user: {
      user_id: { comparison: 'exact', parts: 1 },
      email: { comparison: 'caseInsensitive', parts: 1 },
      alias: { comparison: 'exact', parts: 1 },
    },
  },
  hides: true,
  segments: true,
  exports: true,
  counts: true,
  suppresses: true,
  scopes: SCOPES,
  verification: 'reads',
  completesWithinMs: DAY_MS,
  dataMapHash: 'map-1',
};

/** Closes the ledgers that are still open after the test file. */
const openLedgers = new Set<() => Promise<void>>();
afterAll(async () => void (await Promise.all([...openLedgers].map((close) => close()))));

/** Creates a migrated ledger with these projects. */
export async function ledger(projects: readonly string[] = [PROJECT], connections = 10): Promise<Ledger> {
  const { url } = await ledgerDatabase();
  const statements: string[] = [];
  const observe = (statement: string) => void statements.push(statement);
  const events: BusinessEvent[] = [];
  const database = connect(url, { connections, observe, onEvent: (event) => void events.push(event) });
  const reading = connect(url, { connections: 2, observe });
  await ensureProjects(database, projects);
  const close = async (): Promise<void> => {
    openLedgers.delete(close);
    await Promise.all([database.$client.end(), reading.$client.end()]);
  };
  openLedgers.add(close);
  return { database, sql: database.$client, reading, url, statements, events, closeLedger: close };
}

export const user = (value: string): Identity => ({ type: 'user_id', value: [value] });
export const email = (value: string): Identity => ({ type: 'email', value: [value] });
export const submitted = (identity: Identity): SubmittedIdentity => ({
  ...identity,
  outcome: null,
  reason: null,
  duplicateOf: null,
  line: null,
});

/** A deletion as the API passes it to the ledger. */
export function newRequest(identities: readonly Identity[], changes: Partial<NewRequest> = {}): NewRequest {
  const receivedAt = changes.receivedAt ?? START;
  return {
    id: newId('request', receivedAt.getTime()),
    project: PROJECT,
    kind: 'deletion',
    subjectKind: 'user',
    regulation: 'gdpr',
    scope: 'data',
    selection: { by: 'identities', identities: identities.map(submitted) },
    suppress: false,
    onConflict: 'attach',
    confirm: false,
    expedite: null,
    format: null,
    notify: null,
    exportFirst: false,
    submittedBy: 'operator',
    receivedAt,
    dueAt: new Date(receivedAt.getTime() + 30 * DAY_MS),
    hardDeleteAt: RUN,
    forecast: { nextRunAt: RUN, quotaPerRun: null, afterClaimMs: DAY_MS },
    ...changes,
  };
}

/** Stores a request and returns its id. */
export async function accept(
  { database }: Ledger,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> {
  return (await acceptRequest(database, newRequest(identities, changes))).id;
}

/** The fact that the submitted identity at `position` belongs to the subject `key`. */
export const match = (position: number | null, key: Identity): Resolved => ({ fact: 'match', position, key });
/** The fact that the subject `key` has a further identity, which `sharers` other subjects have too. */
export const identityFact = (key: Identity, identity: Identity, sharers = 0): Resolved => ({
  fact: 'identity',
  key,
  identity,
  origin: identity.type === 'alias' ? 'alias' : 'identity',
  sharers,
});

/** The directory's answer that every submitted identity is the key of a subject. */
export const allKnown = (identities: readonly Identity[]): Resolved[] =>
  identities.map((key, index) => match(index + 1, key));

/** The same as pages, and a promise that resolves when the directory is asked. */
export function observedFacts(identities: readonly Identity[]) {
  const { promise: asked, resolve: markAsked } = Promise.withResolvers<void>();
  const facts = (async function* () {
    markAsked();
    yield allKnown(identities);
  })();
  return { asked, facts };
}

/** The facts as one page of the directory's answer. */
export async function* pagesOf(facts: readonly Resolved[]) {
  yield facts;
}

/** Stores the directory's answer about a request. */
export async function resolve(
  { database }: Ledger,
  requestId: string,
  facts: readonly Resolved[],
  changes: Partial<Parameters<typeof storeResolution>[2]> = {},
  keys = KEYS,
) {
  return storeResolution(database, keys, {
    request: await readRequestRow(database, requestId),
    facts: pagesOf(facts),
    systems: [APP],
    policy: POLICY,
    types: APP.identityTypes.user ?? {},
    at: START,
    limit: null,
    growth: () => 1,
    ...changes,
  });
}

/** Records that the system has applied the newest visibility, and reconciles the request. */
export async function applyVisibility(world: Ledger, requestId: string, at: Date = START, system = 'app') {
  const { database } = world;
  const { generation } = await readVisibilityChanges(database, requestId, system);
  await recordAppliedVisibility(database, requestId, system, generation);
  return reconcileAt(world, requestId, at);
}

/** Reconciles a deletion whose systems are all configured, unless `names` are given. */
export async function reconcileAt({ database }: Ledger, requestId: string, asOf: Date, names?: readonly string[]) {
  const configured = names ?? Object.keys((await readRequestRow(database, requestId)).systems ?? {});
  return reconcileDeletion(database, { requestId, asOf, window: POLICY.window, configured, directory: 'app' });
}

/** Claims the due subjects at `asOf`, by default at RUN. */
export const claimAt = ({ database }: Ledger, requestId: string, asOf = RUN, policy: Partial<Policy> = {}) =>
  claim(database, { ...POLICY, ...policy }, { requestId, asOf });

/**
 * Creates many requests of one subject each, with few statements: `identities[n]` in `projects[n]`. Copies the rows of a
 * request that `givenModel` creates. Returns the ids in the same order.
 */
export async function givenHiddenInBulk(
  world: Ledger,
  projects: readonly string[],
  identities: readonly Identity[],
  givenModel: typeof givenHiddenSubjects = givenHiddenSubjects,
): Promise<readonly string[]> {
  const { database } = world;
  const ids = identities.map((_, n) => newId('request', START.getTime() + n + 1));
  const model = await givenModel(world, [user(`model of ${ids[0]}`)], { project: projects[0] ?? PROJECT });
  const digests = identities.map((identity, n) =>
    newestDigest(KEYS, projects[n] ?? PROJECT, 'user', identity).digest.toString('hex'),
  );
  const values = identities.map(({ value }) => value[0] ?? '');
  const created = database.$client`unnest(${ids as string[]}::text[], ${projects as string[]}::text[], ${values}::text[],
    ${digests}::text[]) AS created (id, project, value, hex)`;
  for (const [table, columns] of [
    ['requests', { id: 'created.id', project: 'created.project' }],
    ['submitted_identities', { request_id: 'created.id', value: 'ARRAY[created.value]' }],
    ['subjects', { request_id: 'created.id', project: 'created.project', digest: "decode(created.hex, 'hex')" }],
    ['matches', { request_id: 'created.id' }],
    [
      'subject_identities',
      { request_id: 'created.id', value: 'ARRAY[created.value]', digest: "decode(created.hex, 'hex')" },
    ],
    [
      'identity_digests',
      { request_id: 'created.id', project: 'created.project', digest: "decode(created.hex, 'hex')" },
    ],
    ['system_visibility', { request_id: 'created.id' }],
  ] as const) {
    const changed: Readonly<Record<string, string>> = columns;
    const all = await database.$client<{ name: string }[]>`
      SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'lethe' AND table_name = ${table}`;
    const list = all.map(({ name }) => changed[name] ?? `model.${name}`).join(', ');
    const own = table === 'requests' ? 'id' : 'request_id';
    await database.$client`INSERT INTO ${database.$client(`lethe.${table}`)} (${database.$client(all.map(({ name }) => name))})
      SELECT ${database.$client.unsafe(list)} FROM ${database.$client(`lethe.${table}`)} model, ${created} WHERE model.${database.$client(own)} = ${model}`;
  }
  return ids;
}

/** Creates a deletion whose subjects are hidden and wait for their run. */
export async function givenHiddenSubjects(
  world: Ledger,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> {
  const requestId = await accept(world, identities, changes);
  await resolve(world, requestId, allKnown(identities));
  await applyVisibility(world, requestId);
  return requestId;
}

/** Creates a deletion that is counted and waits for its confirmation. */
export async function givenAwaitingConfirmation(
  world: Ledger,
  identities: readonly Identity[],
  changes: Partial<NewRequest> = {},
): Promise<string> {
  const requestId = await accept(world, identities, { confirm: true, ...changes });
  await resolve(world, requestId, allKnown(identities));
  await storeCount(world.database, { requestId, system: 'app' }, { 'app.users': identities.length });
  await reconcileAt(world, requestId, START);
  return requestId;
}

/** Counts the subjects of a request by state. */
export async function states({ database }: Ledger, requestId: string): Promise<Record<string, number>> {
  const rows = await database.$client<{ state: string; count: number }[]>`
    SELECT state, count(*) FROM lethe.subjects WHERE request_id = ${requestId} GROUP BY state ORDER BY state`;
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

export const statusAt = async (database: Database, requestId: string, now: Date) =>
  readRequestStatus(database, await readRequestRow(database, requestId), now);
