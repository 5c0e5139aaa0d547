import { readFileSync } from 'node:fs';
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
import { idleStarter, perform } from './environment.ts';
import { createDatabase, templateOf } from '../support/servers/postgres.ts';

export { perform } from './environment.ts';

/** A run after the grace period of every request that is accepted at START. */
export const RUN = days(16);
const PROJECTS = ['demo', 'other'] as const;
type ProjectName = (typeof PROJECTS)[number];

/** The activities of a worker on a ledger and one database per project, without other workers. */
export interface ActivityWorld extends Ledger {
  readonly app: postgres.Sql;
  /** The database of the project `other`, with the same people. */
  readonly elsewhere: postgres.Sql;
  readonly faults: Faults;
  /** Called between the commit of a range in the system and its report to the ledger. */
  readonly beforeReport: { do: ((range: FinishedRange) => void) | null };
  /** Delays inspections, as a slow server does. */
  readonly beforeInspection: { wait: (() => Promise<void>) | null };
  /** The systems whose watch was started, as `project/system`. */
  readonly watched: string[];
  readonly signaled: string[];
  readonly activities: ReturnType<typeof createLedgerActivities> & ReturnType<typeof createSystemActivities>;
  close(): Promise<void>;
}

export async function startActivityWorld(subjectsPerCommit = 2, connections = 10): Promise<ActivityWorld> {
  const template = await templateOf('activities_app', async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(readFileSync(new URL('../../dev/demo/data/schema.sql', import.meta.url), 'utf8'));
    await sql.unsafe(postgresConnector(appSettings()).setupSql?.({ system: 'app' }) ?? '');
    await sql.unsafe('CREATE SEQUENCE app.numbers');
    for (const id of [...SUBJECT_IDS, ...OTHER_IDS]) await addPerson(sql, id);
    await sql.unsafe(SHARED);
    await sql.end();
  });
  const testLedger = await ledger(PROJECTS, connections);
  const { catalog, definitions } = deployment(subjectsPerCommit);
  const faults = noFaults();
  const beforeReport: ActivityWorld['beforeReport'] = { do: null };
  const beforeInspection: ActivityWorld['beforeInspection'] = { wait: null };
  const [watched, signaled]: [string[], string[]] = [[], []];
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
      withFaults(withHooks(required(opened), beforeReport, beforeInspection), project === 'demo' ? faults : noFaults()),
    );
  }
  const deps: ActivityDeps = {
    database: testLedger.database,
    reading: testLedger.reading,
    keys: KEYS,
    catalog,
    connector: (project) => required(connectors.get(project)),
    starter: {
      ...idleStarter,
      signalRequests: async (ids) => void signaled.push(...ids),
      watchSystem: async (project, system) => void watched.push(`${project}/${system}`),
    },
    storage: archives(),
    ...notificationDeps(),
  };
  const [app, elsewhere] = PROJECTS.map((project) => required(databases.get(project)));
  return {
    ...testLedger,
    app: required(app),
    elsewhere: required(elsewhere),
    faults,
    beforeReport,
    beforeInspection,
    watched,
    signaled,
    activities: { ...createLedgerActivities(deps), ...createSystemActivities(deps) },
    async close() {
      await Promise.all([app?.end(), elsewhere?.end(), testLedger.closeLedger()]);
    },
  };
}

/** The fixtures of the current test, in files that call `withWorldPerTest` and `withOtherRequest`. */
export let world: ActivityWorld;
export let otherRequest: string;

/** Gives each test its own world and closes it afterwards. */
export function withWorldPerTest(): void {
  beforeEach(async () => {
    world = await startActivityWorld();
  });
  afterEach(() => world.close());
}

/** Adds a request of the project `other` to each test's world. `rowsOfOthers` includes its rows. */
export function withOtherRequest(): void {
  beforeEach(async () => {
    otherRequest = await hiddenRequest(world, subjectIdentities.slice(0, 1), 'other');
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

/** A connector that calls the hooks between a range's commit and its report, and before an inspection. */
const withHooks = (
  connector: Connector,
  before: ActivityWorld['beforeReport'],
  inspection: ActivityWorld['beforeInspection'],
): Connector => ({
  async inspect() {
    await inspection.wait?.();
    return connector.inspect();
  },
  ...(connector.resolve === undefined ? {} : { resolve: connector.resolve.bind(connector) }),
  ...(connector.count === undefined ? {} : { count: connector.count.bind(connector) }),
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
  ...(connector.verify === undefined ? {} : { verify: connector.verify.bind(connector) }),
  setSuppression: async (...args) => connector.setSuppression?.(...args),
  conclude: async (...args) => connector.conclude?.(...args),
  close: () => connector.close(),
});

export const SUBJECT_IDS = ['leaver-1', 'leaver-2', 'leaver-3', 'leaver-4', 'leaver-5'] as const;
const OTHER_IDS = ['stayer-1', 'stayer-2', 'stayer-3'] as const;
export const subjectIdentities: readonly Identity[] = SUBJECT_IDS.map((id) => ({ type: 'user_id', value: [id] }));

/** Adds rows to every table with personal data. The text of each row names its person. */
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
    INSERT INTO app.companies VALUES (nextval('app.numbers'), '${id}.stayer.test', 'N');
    INSERT INTO app.memberships SELECT company_id, '${id}', 'owner' FROM app.companies WHERE domain = '${id}.stayer.test';
    INSERT INTO app.segment_members VALUES ('all', '${id}')`);

/** A device of a leaver and a stayer, with an event under its alias, which no deletion of the leaver removes. */
const SHARED = `
  INSERT INTO app.aliases VALUES ('device', 'leaver-1'), ('device', 'stayer-1');
  INSERT INTO app.events VALUES (nextval('app.numbers'), 'device', '2025-02-01', 'stayer');
  INSERT INTO app.business_units VALUES ('berlin', 'office@stayer.test')`;

/** The removed and retained rows of the five subjects in a receipt. */
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

export async function figuresOf(world: Ledger, requestId: string): Promise<Record<string, readonly (number | null)[]>> {
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

/** Every row of every table of a schema as sorted text, for comparing two states. */
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

const filterRows = (rows: Record<string, string[]>, text: string): Record<string, string[]> =>
  Object.fromEntries(Object.entries(rows).map(([name, found]) => [name, found.filter((row) => row.includes(text))]));

/** Everything that no tested activity may change: rows of other people and of another project. */
export async function rowsOfOthers(world: ActivityWorld, otherRequest: string) {
  const kept = await rowsIn(world.app, 'lethe_system');
  return {
    people: filterRows(await rowsIn(world.app, 'app'), 'stayer'),
    elsewhere: await rowsIn(world.elsewhere, 'app'),
    elsewhereKept: await rowsIn(world.elsewhere, 'lethe_system'),
    otherRequests: filterRows(kept, otherRequest),
    ledger: filterRows(await rowsIn(world.sql, 'lethe'), otherRequest),
  };
}

/** Every row that an idempotent activity leaves unchanged when it runs again. */
export const allRows = async (world: ActivityWorld) => ({
  app: await rowsIn(world.app, 'app'),
  kept: await rowsIn(world.app, 'lethe_system'),
  ledger: await rowsIn(world.sql, 'lethe'),
});

export const stepInput = (requestId: string, at: Date, project: ProjectName = 'demo') => ({
  requestId,
  project,
  system: 'app',
  asOf: at.getTime(),
});
export const batchInput = (requestId: string, at: Date, batch = 1) => ({ ...stepInput(requestId, at), batch });

/** Accepts a request, then resolves and hides its subjects by the activities. */
export async function hiddenRequest(
  world: ActivityWorld,
  identities: readonly Identity[] = subjectIdentities,
  project: ProjectName = 'demo',
): Promise<string> {
  const requestId = await accept(world, identities, { project });
  const at = stepInput(requestId, START, project);
  await perform(world.activities.resolveSubjects, at);
  await perform(world.activities.applyVisibility, at);
  await perform(world.activities.reconcileDeletion, at);
  return requestId;
}

/** Like `hiddenRequest`, and claimed at its run. */
export async function claimedRequest(
  world: ActivityWorld,
  identities: readonly Identity[] = subjectIdentities,
): Promise<string> {
  const requestId = await hiddenRequest(world, identities);
  await perform(world.activities.claimSubjects, stepInput(requestId, RUN));
  return requestId;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a value is required');
  return value;
}
