import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { makeDatabases } from '../../dev/demo/databases.ts';
import { type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal, type TemporalServer } from '../../dev/embedded/temporal/temporal.ts';
import { sendInvalidRequests } from './support/invalid-requests.ts';
import { addCanary, id, NEEDLES, users, uuidOf } from './support/canary.ts';
import { unexpectedValues } from './support/allowed-values.ts';
import { readDatabaseFiles, search } from '../../dev/drill/canaries.ts';
import {
  onCleanup,
  createCaller,
  temporaryFolder,
  waitUntilPolling,
  prepareApp,
  connectUnlogged,
  type Service,
  startService,
  waitUntil,
} from './support/service.ts';
import { listExecutions } from './support/temporal-state.ts';

/** Makes the server log as much as possible. */
const VERBOSE_LOGGING = {
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_connections: 'on',
  log_lock_waits: 'on',
};

const dbFile = `${temporaryFolder()}/temporal.db`;
let customer: PostgresServer;
let temporal: TemporalServer;
let service: Service;
let worker: ServerProcess;
let caller: ReturnType<typeof createCaller>;
let app: postgres.Sql;
let ledger: postgres.Sql;

beforeAll(async () => {
  [customer, temporal] = await Promise.all([startPostgres({ settings: VERBOSE_LOGGING }), startTemporal({ dbFile })]);
  onCleanup(() => customer.stop());
  onCleanup(() => temporal.stop());
  const urls = await makeDatabases(Object.assign(new URL(customer.url), { pathname: '/lethe' }).href);
  await migrate(urls.lethe);
  ledger = connectUnlogged(urls.lethe);
  app = await prepareApp(urls.demo);
  for (let n = 1; n <= 7; n++) await addCanary(app, n);
  await app`INSERT INTO app.newsletter VALUES ('Canary-stray@x.test', 'canary-unit', '2025-03-01')`;
  service = await startService({ ledgerUrl: urls.lethe, appUrl: urls.demo, temporalAddress: temporal.address });
  caller = createCaller(service);
  worker = await service.startWorker();
  await waitUntilPolling(worker);
}, 120_000);

/** All rows of both schemas, as text and as JSON. */
async function rows(): Promise<string> {
  const dumps: string[] = [];
  for (const [sql, schema] of [
    [ledger, 'lethe'],
    [app, 'lethe_system'],
  ] as const) {
    const tables = await sql<{ name: string }[]>`
      SELECT relname AS name FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema}) AND relkind IN ('r', 'm', 'p')`;
    expect(tables.length).toBeGreaterThan(5);
    for (const { name } of tables) {
      const found = await sql.unsafe<{ row: string }[]>(
        `SELECT concat(t::text, to_jsonb(t)::text) AS row FROM ${schema}.${name} AS t`,
      );
      dumps.push(name, ...found.map(({ row }) => row));
    }
  }
  return dumps.join('\n');
}

const waitForStates = (requestId: string, held: number, states: Record<string, number>) =>
  waitUntil(
    `${held} held, ${JSON.stringify(states)}`,
    async () => {
      const { heldSubjects, subjects } = await caller.status(requestId);
      return (
        heldSubjects === held && Object.entries(states).every(([state, count]) => subjects.states[state] === count)
      );
    },
    () => caller.status(requestId),
  );

/** Uses every feature with canaries as personal data. All requests are completed at the end. */
async function runAllFeatures() {
  const byMail = await caller.hold([id('email', ['CANARY-2@x.test', 'canary-unit'])]);
  const byAlias = await caller.hold([id('alias', 'canary-device-3')]);
  const several = users(
    id('user_id', 'canary-key-1'),
    id('alias', 'canary-device-2'),
    id('email', ['canary-3@x.test', 'Canary-Unit']),
    id('external_id', 'canary-ext-4'),
    id('xng_id', uuidOf(5).toUpperCase()),
    id('xng_id', 'canary-no-uuid'),
    id('user_id', 'canary-unknown'),
    id('user_id', 'canary-key-1'),
    id('email', ['canary-stray@x.test', 'canary-unit']),
  );
  const large = await caller.submit(several, { suppress: true });
  await waitForStates(large, 2, { soft_deleted: 2, deleted: 4 });
  // A waiting request still stores its identities, so the search must find them.
  expect(search('rows', await rows(), NEEDLES)).not.toEqual([]);

  const attached = await caller.submit(users(id('external_id', 'canary-ext-2')));
  await waitForStates(attached, 0, { attached: 1 });
  const page = await service.call('GET', `/v1/requests/${large}/subjects`);
  expect(page.text).toContain('canary-device-2');
  for (const identity of [id('user_id', 'canary-key-1'), id('email', ['canary-2@x.test', 'canary-unit'])])
    expect(
      (await service.call('POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity })).status,
    ).toBe(200);
  const problems = await sendInvalidRequests(service);
  const suppressed = { project: 'demo', kind: 'user', identity: id('alias', 'canary-suppressed') };
  expect((await service.call('POST', '/v1/suppressions', suppressed)).status).toBe(202);
  const lifted = { ...suppressed, identity: id('user_id', 'canary-key-4') };
  expect((await service.call('POST', '/v1/suppressions', lifted)).status).toBe(202);
  expect((await service.call('DELETE', '/v1/suppressions', lifted)).status).toBe(202);

  const cancelled = await service.call('POST', `/v1/requests/${large}/cancel`, { positions: [3] });
  expect(cancelled).toMatchObject({ status: 202 });
  await caller.release(byMail);
  await caller.release(byAlias);
  for (const requestId of [large, attached]) await caller.waitForStatus(requestId, 'completed');

  // A request that waits because of a config error, whose report must not contain personal data.
  await app.unsafe('CREATE TABLE app.forgotten (user_id text REFERENCES app.users)');
  await app.unsafe(`INSERT INTO app.forgotten VALUES ('canary-key-6')`);
  const waiting = await caller.submit(users(id('xng_id', uuidOf(6))));
  await waitUntil(
    'the request waits',
    async () => (await caller.status(waiting)).waits.some(({ reason }) => reason === 'coverage_broken'),
    () => caller.status(waiting),
  );
  await app.unsafe('DROP TABLE app.forgotten');
  expect(
    (await service.call('POST', `/v1/requests/${waiting}/retry`, { reason: 'the table was dropped' })).status,
  ).toBe(202);
  const company = await caller.submit({ kind: 'company', identities: [id('domain', 'CANARY-7.test')] });
  const ended = [large, attached, waiting, company];
  for (const requestId of [waiting, company]) await caller.waitForStatus(requestId, 'completed');
  await waitUntil('the suppressions are propagated', async () => {
    const [{ left } = { left: 1 }] = await ledger<{ left: number }[]>`
      SELECT count(*)::int AS left FROM lethe.suppressions WHERE propagated_at IS NULL`;
    return left === 0;
  });
  return { requests: ended, problems };
}

const client = async (): Promise<Client> => {
  const connection = await Connection.connect({ address: temporal.address });
  onCleanup(() => connection.close());
  return new Client({ connection });
};

test(
  'leaves no identity in answers, rows, logs or Temporal after all requests are completed',
  { timeout: 180_000 },
  async () => {
    const { requests, problems } = await runAllFeatures();
    const answers = [];
    for (const requestId of requests)
      for (const path of ['', '/subjects', '/progress', '/receipt'])
        answers.push((await service.call('GET', `/v1/requests/${requestId}${path}`)).text);
    for (const path of ['/v1/holds?caseRef=C-7', '/v1/suppressions']) {
      const { text } = await service.call('GET', path);
      expect(text).toContain(`"placedBy":"mem_`);
      answers.push(text);
    }
    expect(search('answers', answers.join('\n'), NEEDLES)).toEqual([]);
    expect(search('problems', JSON.stringify(problems), NEEDLES)).toEqual([]);
    expect(search('rows', await rows(), NEEDLES)).toEqual([]);

    const temporalClient = await client();
    const ran = await listExecutions(temporalClient);
    expect(ran.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['fulfillDeletion', 'deleteFromSystem', 'propagateSuppression']),
    );
    for (const { workflowId, texts } of ran) expect(search(workflowId, texts.join('\n'), NEEDLES)).toEqual([]);
    const payloads = ran.flatMap((execution) => execution.payloads);
    expect(payloads.length).toBeGreaterThan(50);
    expect([...new Set(payloads.flatMap((payload) => unexpectedValues(JSON.parse(payload) as unknown)))]).toEqual([]);
    for (const { name, bytes } of readDatabaseFiles(dbFile)) expect(search(name, bytes, NEEDLES)).toEqual([]);

    for (const [name, log, expected] of [
      ['the API’s log', service.api.log(), '"request completed"'],
      ['the worker’s log', worker.log(), '"polling"'],
      ['PostgreSQL’s log', readFileSync(customer.logFile, 'utf8'), 'lethe_system.batch'],
    ] as const) {
      expect(log).toContain(expected);
      expect(search(name, log, NEEDLES)).toEqual([]);
    }

    // Other users are unchanged, and the cancelled subject is restored.
    expect(await app`SELECT user_id, deleted_at FROM app.users ORDER BY 1`).toEqual([
      { user_id: 'canary-key-3', deleted_at: null },
      { user_id: 'canary-key-7', deleted_at: null },
    ]);
  },
);

test('finds a planted canary in every place that the search covers', async () => {
  const planted = await client();
  const text = 'canary-planted';
  await planted.workflow.start('planted', {
    workflowId: 'planted',
    taskQueue: 'unused',
    args: [{ text, hex: Buffer.from(text).toString('hex'), base64: Buffer.from(`x${text}`).toString('base64') }],
    memo: { text },
  });
  await waitUntil('the workflow is listed', async () =>
    (await listExecutions(planted)).some(({ type }) => type === 'planted'),
  );
  const execution = (await listExecutions(planted)).find(({ type }) => type === 'planted');
  expect(search('texts', execution?.texts.join('\n') ?? '', NEEDLES).length).toBeGreaterThan(2);
  expect(unexpectedValues(JSON.parse(execution?.payloads[0] ?? 'null') as unknown)).toContain(`.text: ${text}`);
  const stored = readDatabaseFiles(dbFile).flatMap(({ name, bytes }) => search(name, bytes, NEEDLES));
  expect(stored.length).toBeGreaterThan(2);

  await ledger`INSERT INTO lethe.slots VALUES (${text}, now())`;
  expect(search('rows', await rows(), NEEDLES)).toHaveLength(1);
  const logged = postgres(customer.url, { max: 1 });
  await logged.unsafe(`SELECT '${text}'`);
  await logged.end();
  await waitUntil(
    'the statement is logged',
    async () => search('log', readFileSync(customer.logFile, 'utf8'), NEEDLES).length > 0,
  );

  for (const form of [
    Buffer.from(text, 'utf16le'),
    Buffer.from(text, 'utf16le').swap16(),
    Buffer.from(uuidOf(1).replaceAll('-', ''), 'hex'),
    Buffer.from(uuidOf(1).toUpperCase()),
    ...['', 'a', 'ab'].map((before) => Buffer.from(Buffer.from(`${before}${text} and more`).toString('base64'))),
  ])
    expect(
      search('a copy', Buffer.concat([Buffer.from('before'), form, Buffer.from('after')]), NEEDLES).length,
    ).toBeGreaterThan(0);
});
