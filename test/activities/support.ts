import { readFileSync } from 'node:fs';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import postgres from 'postgres';
import { afterEach, beforeEach } from 'vitest';
import { archives } from '../support/archives.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createLedgerActivities, createSystemActivities } from '../../activities/index.ts';
import { defineDeployment, readDeployment } from '../../config/deployment.ts';
import type { Connector } from '../../connectors/connector.ts';
import { postgres as postgresConnector } from '../../connectors/postgres/index.ts';
import type { TransactionClient } from '../../db/client.ts';
import { buildReceipt } from '../../db/deletion/receipt.ts';
import type { FinishedRange } from '../../domain/batch.ts';
import type { Catalog } from '../../domain/catalog.ts';
import type { Identity } from '../../domain/identity.ts';
import { appSettings } from '../support/world/app-map.ts';
import { withFaults, type Faults, noFaults } from '../support/injected-faults.ts';
import { accept, days, KEYS, type Ledger, ledger, POLICY, START } from '../support/ledger.ts';
import { notificationDeps } from '../support/outbound.ts';
import { createDatabase, templateOf } from '../support/servers/postgres.ts';

/** A run after the grace period of everything that was accepted at START. */
export const RUN = days(16);
const PROJECTS = ['demo', 'other'] as const;
type ProjectName = (typeof PROJECTS)[number];

/** The activities as a worker has them, on a ledger and on a database per project, with nobody else at work. */
export interface Setting extends Ledger {
  readonly app: postgres.Sql;
  /** The database of the project `other`, in which the same people live. */
  readonly elsewhere: postgres.Sql;
  readonly faults: Faults;
  /** Called before the ledger hears of a finished range: the moment between commit and report. */
  readonly beforeReport: { do: ((range: FinishedRange) => void) | null };
  /** Waited for before an inspection: a server that takes its time. */
  readonly beforeInspection: { wait: (() => Promise<void>) | null };
  readonly activities: ReturnType<typeof createLedgerActivities> & ReturnType<typeof createSystemActivities>;
  close(): Promise<void>;
}

// What the tests make fail is no finding.
const logger = new DefaultLogger('ERROR');

/** Runs an activity as its worker would, at this attempt. */
export const perform = <Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
  attempt = 1,
): Promise<Output> =>
  new MockActivityEnvironment({ attempt }, { logger }).run<[Input], Output, (input: Input) => Promise<Output>>(
    activity,
    input,
  );

export async function setting(subjectsPerCommit = 2, connections = 10): Promise<Setting> {
  const template = await templateOf('activities_app', async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(readFileSync(new URL('../../dev/demo/data/schema.sql', import.meta.url), 'utf8'));
    await sql.unsafe(postgresConnector(appSettings()).setupSql?.({ system: 'app' }) ?? '');
    await sql.unsafe('CREATE SEQUENCE app.numbers');
    for (const id of [...MINE, ...THEIRS]) await addPerson(sql, id);
    await sql.unsafe(SHARED);
    await sql.end();
  });
  const book = await ledger(PROJECTS, connections);
  const { catalog, definitions } = deployment(subjectsPerCommit);
  const faults = noFaults();
  const beforeReport: Setting['beforeReport'] = { do: null };
  const beforeInspection: Setting['beforeInspection'] = { wait: null };
  const databases = new Map<string, postgres.Sql>();
  const connectors = new Map<string, Connector>();
  for (const project of PROJECTS) {
    const { url } = await createDatabase(template);
    databases.set(project, postgres(url, { max: 2, onnotice: () => {} }));
    const opened = definitions
      .get(project)
      ?.get('app')
      ?.open({ system: 'app', secret: () => url });
    connectors.set(
      project,
      withFaults(hooked(must(opened), beforeReport, beforeInspection), project === 'demo' ? faults : noFaults()),
    );
  }
  const deps: ActivityDeps = {
    database: book.database,
    reading: book.reading,
    keys: KEYS,
    catalog,
    connector: (project) => must(connectors.get(project)),
    starter: {
      start: async () => {},
      startSuppression: async () => {},
      wake: async () => {},
      startNotifications: async () => {},
    },
    storage: archives(),
    ...notificationDeps(),
  };
  const [app, elsewhere] = PROJECTS.map((project) => must(databases.get(project)));
  return {
    ...book,
    app: must(app),
    elsewhere: must(elsewhere),
    faults,
    beforeReport,
    beforeInspection,
    activities: { ...createLedgerActivities(deps), ...createSystemActivities(deps) },
    async close() {
      await Promise.all([app?.end(), elsewhere?.end(), book.closeLedger()]);
    },
  };
}

/** Of the test that runs, in a file that calls `withSetting` and `withOtherRequest`. */
export let world: Setting;
export let otherRequest: string;

/** Each test gets a world of its own, which is closed after it. */
export function withSetting(): void {
  beforeEach(async () => {
    world = await setting();
  });
  afterEach(() => world.close());
}

/** Each test's world holds a request of the project `other`, which `bystanders` watches. */
export function withOtherRequest(): void {
  beforeEach(async () => {
    otherRequest = await hiddenRequest(world, mine.slice(0, 1), 'other');
  });
}

function deployment(subjectsPerCommit: number) {
  const systems = { app: postgresConnector(appSettings(subjectsPerCommit)) };
  const declared = PROJECTS.map(
    (name) => [name, { policy: { deadline: { gdpr: '30 days' } }, directory: 'app', systems }] as const,
  );
  const { catalog, definitions } = readDeployment(defineDeployment({ projects: Object.fromEntries(declared) }));
  const changed: Catalog = new Map([...catalog].map(([name, project]) => [name, { ...project, policy: POLICY }]));
  return { catalog: changed, definitions };
}

/** A connector whose caller may die between a range's commit and its report, on a server that may be slow. */
const hooked = (
  connector: Connector,
  before: Setting['beforeReport'],
  inspection: Setting['beforeInspection'],
): Connector => ({
  async inspect() {
    await inspection.wait?.();
    return connector.inspect();
  },
  ...(connector.resolve === undefined ? {} : { resolve: connector.resolve.bind(connector) }),
  count: (...args) => connector.count(...args),
  setVisibility: async (...args) => connector.setVisibility?.(...args),
  hardDelete: (batch, deletion, work) =>
    connector.hardDelete(
      batch,
      {
        ...deletion,
        onRangeFinished: async (range) => {
          before.do?.(range);
          await deletion.onRangeFinished(range);
        },
      },
      work,
    ),
  verify: (...args) => connector.verify(...args),
  setSuppression: async (...args) => connector.setSuppression?.(...args),
  conclude: async (...args) => connector.conclude?.(...args),
  close: () => connector.close(),
});

export const MINE = ['mine-1', 'mine-2', 'mine-3', 'mine-4', 'mine-5'] as const;
const THEIRS = ['theirs-1', 'theirs-2', 'theirs-3'] as const;
export const mine: readonly Identity[] = MINE.map((id) => ({ type: 'user_id', value: [id] }));

/** Rows in every table that holds people; each tells by its text whose it is. */
const addPerson = (sql: postgres.Sql, id: string) =>
  sql.unsafe(`
    INSERT INTO app.users VALUES ('${id}', md5('${id}')::uuid, 'ext-${id}', '${id}@example.test', 'berlin', 'N', '2025-01-01');
    INSERT INTO app.aliases VALUES ('alias-${id}', '${id}');
    INSERT INTO app.events SELECT nextval('app.numbers'), named, '2025-02-01', 'seen'
      FROM unnest(ARRAY['${id}', '${id}', 'alias-${id}']) named;
    INSERT INTO app.orders VALUES (md5('order ${id}')::uuid, '${id}', '2025-02-01');
    INSERT INTO app.order_items SELECT md5('order ${id}')::uuid, line, 'sku-${id}', 100 FROM generate_series(1, 2) line;
    INSERT INTO app.newsletter VALUES ('${id}@example.test', 'berlin', '2025-03-01');
    INSERT INTO app.invoices VALUES (nextval('app.numbers'), '${id}', '2025-04-01', 100, 'Main St ${id}');
    INSERT INTO app.companies VALUES (nextval('app.numbers'), '${id}.theirs.test', 'N');
    INSERT INTO app.memberships SELECT company_id, '${id}', 'owner' FROM app.companies WHERE domain = '${id}.theirs.test';
    INSERT INTO app.segment_members VALUES ('all', '${id}')`);

/** A device that one of each side uses, and an event that came under its name: it stays. */
const SHARED = `
  INSERT INTO app.aliases VALUES ('device', 'mine-1'), ('device', 'theirs-1');
  INSERT INTO app.events VALUES (nextval('app.numbers'), 'device', '2025-02-01', 'theirs too');
  INSERT INTO app.business_units VALUES ('berlin', 'office@theirs.test')`;

/** What the five leave behind in a receipt. */
export const FIGURES = {
  'app.aliases': [6, 0],
  'app.events': [15, 0],
  'app.invoices': [0, 5],
  'app.memberships': [5, 0],
  'app.newsletter': [5, 0],
  'app.order_items': [10, 0],
  'app.orders': [5, 0],
  'app.segment_members': [5, 0],
  'app.users': [5, 0],
};

export async function figuresOf(world: Ledger, requestId: string): Promise<Record<string, readonly number[]>> {
  const { systems } = await buildReceipt(world.database, requestId);
  const tables = systems.flatMap((system) => system.tables);
  return Object.fromEntries(
    tables
      .map(
        ({ table, removed, retained }) =>
          [table, [removed, retained.reduce((sum, { rows }) => sum + rows, 0)]] as const,
      )
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

/** Every row of every table of a schema, as text and in order: what two states are compared by. */
export async function rowsIn(sql: postgres.Sql | TransactionClient, schema: string): Promise<Record<string, string[]>> {
  const tables = await sql.unsafe<{ name: string }[]>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r' ORDER BY 1`,
  );
  const rows: Record<string, string[]> = {};
  for (const { name } of tables) {
    const found = await sql.unsafe<{ row: string }[]>(`SELECT t::text AS row FROM ${schema}.${name} AS t ORDER BY 1`);
    rows[name] = found.map(({ row }) => row);
  }
  return rows;
}

const having = (rows: Record<string, string[]>, text: string): Record<string, string[]> =>
  Object.fromEntries(Object.entries(rows).map(([name, found]) => [name, found.filter((row) => row.includes(text))]));

/** Everything that no activity of ours may change: other people's rows, another project's database and ledger rows. */
export async function bystanders(world: Setting, otherRequest: string) {
  const kept = await rowsIn(world.app, 'lethe_system');
  return {
    people: having(await rowsIn(world.app, 'app'), 'theirs'),
    elsewhere: await rowsIn(world.elsewhere, 'app'),
    elsewhereKept: await rowsIn(world.elsewhere, 'lethe_system'),
    otherRequests: having(kept, otherRequest),
    ledger: having(await rowsIn(world.sql, 'lethe'), otherRequest),
  };
}

/** Everything of ours that doing it twice must leave as doing it once did. */
export const everything = async (world: Setting) => ({
  app: await rowsIn(world.app, 'app'),
  kept: await rowsIn(world.app, 'lethe_system'),
  ledger: await rowsIn(world.sql, 'lethe'),
});

export const stepAt = (requestId: string, at: Date, project: ProjectName = 'demo') => ({
  requestId,
  project,
  system: 'app',
  asOf: at.getTime(),
});
export const batchAt = (requestId: string, at: Date, batch = 1) => ({ ...stepAt(requestId, at), batch });

/** Accepted, resolved and hidden, by the activities themselves. */
export async function hiddenRequest(
  world: Setting,
  identities: readonly Identity[] = mine,
  project: ProjectName = 'demo',
): Promise<string> {
  const requestId = await accept(world, identities, { project });
  const at = stepAt(requestId, START, project);
  await perform(world.activities.resolveSubjects, at);
  await perform(world.activities.applyVisibility, at);
  await perform(world.activities.reconcileDeletion, at);
  return requestId;
}

/** Hidden, and claimed at its run. */
export async function claimedRequest(world: Setting, identities: readonly Identity[] = mine): Promise<string> {
  const requestId = await hiddenRequest(world, identities);
  await perform(world.activities.claim, stepAt(requestId, RUN));
  return requestId;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not there');
  return value;
}
