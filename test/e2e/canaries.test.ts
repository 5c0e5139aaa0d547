import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { makeDatabases } from '../../dev/demo/databases.ts';
import { type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import type { Supervised } from '../../dev/embedded/child-process.ts';
import { startTemporal, type TemporalServer } from '../../dev/embedded/temporal/temporal.ts';
import { badInput } from './support/bad-input.ts';
import { addCanary, id, NEEDLES, users, uuidOf } from './support/canary.ts';
import { strangers } from './support/closed-words.ts';
import { findsIn } from './support/needles.ts';
import {
  atTheEnd,
  caller,
  folder,
  polls,
  prepareApp,
  quietly,
  type Service,
  startService,
  until,
} from './support/service.ts';
import { executions, filesBeside } from './support/temporal-state.ts';

/** Whatever a server can write down, it does. */
const TALKATIVE = {
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_connections: 'on',
  log_lock_waits: 'on',
};

const dbFile = `${folder()}/temporal.db`;
let customer: PostgresServer;
let temporal: TemporalServer;
let service: Service;
let worker: Supervised;
let ask: ReturnType<typeof caller>;
let app: postgres.Sql;
let ledger: postgres.Sql;

beforeAll(async () => {
  [customer, temporal] = await Promise.all([startPostgres({ settings: TALKATIVE }), startTemporal({ dbFile })]);
  atTheEnd(() => customer.stop());
  atTheEnd(() => temporal.stop());
  const urls = await makeDatabases(Object.assign(new URL(customer.url), { pathname: '/lethe' }).href);
  await migrate(urls.lethe);
  ledger = quietly(urls.lethe);
  app = await prepareApp(urls.demo);
  for (let n = 1; n <= 7; n++) await addCanary(app, n);
  await app`INSERT INTO app.newsletter VALUES ('Canary-stray@x.test', 'canary-unit', '2025-03-01')`;
  service = await startService({ ledgerUrl: urls.lethe, appUrl: urls.demo, temporalAddress: temporal.address });
  ask = caller(service);
  worker = await service.startWorker();
  await polls(worker);
}, 120_000);

/** Everything that the two schemas hold, as text and as JSON. */
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

const waiting = (requestId: string, held: number, states: Record<string, number>) =>
  until(
    `${held} held, ${JSON.stringify(states)}`,
    async () => {
      const { heldSubjects, subjects } = await ask.status(requestId);
      return (
        heldSubjects === held && Object.entries(states).every(([state, count]) => subjects.states[state] === count)
      );
    },
    () => ask.status(requestId),
  );

/** The whole of a service's day, with people in it that must leave no trace; the requests are all ended. */
async function story() {
  const byMail = await ask.hold([id('email', ['CANARY-2@x.test', 'canary-unit'])]);
  const byAlias = await ask.hold([id('alias', 'canary-device-3')]);
  const several = users(
    id('user_id', 'canary-key-1'),
    id('alias', 'canary-device-2'),
    id('email', ['canary-3@x.test', 'Canary-Unit']),
    id('external_id', 'canary-ext-4'),
    id('xng_id', uuidOf(5).toUpperCase()),
    id('xng_id', 'canary-no-uuid'),
    id('user_id', 'canary-nobody'),
    id('user_id', 'canary-key-1'),
    id('email', ['canary-stray@x.test', 'canary-unit']),
  );
  const large = await ask.submit(several, { suppress: true });
  await waiting(large, 2, { soft_deleted: 2, deleted: 4 });
  // While it waits, the identities have to be somewhere: so the search can find.
  expect(findsIn('rows', await rows(), NEEDLES)).not.toEqual([]);

  const attached = await ask.submit(users(id('external_id', 'canary-ext-2')));
  await waiting(attached, 0, { attached: 1 });
  const page = await service.call('GET', `/v1/requests/${large}/subjects`);
  expect(page.text).toContain('canary-device-2');
  for (const identity of [id('user_id', 'canary-key-1'), id('email', ['canary-2@x.test', 'canary-unit'])])
    expect(
      (await service.call('POST', '/v1/subjects/lookup', { project: 'demo', kind: 'user', identity })).status,
    ).toBe(200);
  const problems = await badInput(service);
  const suppressed = { project: 'demo', kind: 'user', identity: id('alias', 'canary-suppressed') };
  expect((await service.call('POST', '/v1/suppressions', suppressed)).status).toBe(202);
  const lifted = { ...suppressed, identity: id('user_id', 'canary-key-4') };
  expect((await service.call('POST', '/v1/suppressions', lifted)).status).toBe(202);
  expect((await service.call('DELETE', '/v1/suppressions', lifted)).status).toBe(202);

  const cancelled = await service.call('POST', `/v1/requests/${large}/cancel`, { positions: [3] });
  expect(cancelled).toMatchObject({ status: 202 });
  await ask.release(byMail);
  await ask.release(byAlias);
  for (const requestId of [large, attached]) await ask.reaches(requestId, 'completed');

  // One that fails on its way: what went wrong is told without telling of whom.
  await app.unsafe('CREATE TABLE app.forgotten (user_id text REFERENCES app.users)');
  await app.unsafe(`INSERT INTO app.forgotten VALUES ('canary-key-6')`);
  const troubled = await ask.submit(users(id('xng_id', uuidOf(6))));
  await until(
    'attention',
    async () => (await ask.status(troubled)).attention.some(({ code }) => code === 'coverage_broken'),
    () => ask.status(troubled),
  );
  await app.unsafe('DROP TABLE app.forgotten');
  expect((await service.call('POST', `/v1/requests/${troubled}/retry`, { reason: 'mended' })).status).toBe(202);
  const company = await ask.submit({ kind: 'company', identities: [id('domain', 'CANARY-7.test')] });
  const ended = [large, attached, troubled, company];
  for (const requestId of [troubled, company]) await ask.reaches(requestId, 'completed');
  await until('the suppressions are told', async () => {
    const [{ left } = { left: 1 }] = await ledger<{ left: number }[]>`
      SELECT count(*)::int AS left FROM lethe.suppressions WHERE propagated_at IS NULL`;
    return left === 0;
  });
  return { requests: ended, problems };
}

const client = async (): Promise<Client> => {
  const connection = await Connection.connect({ address: temporal.address });
  atTheEnd(() => connection.close());
  return new Client({ connection });
};

test(
  'after everything is completed no identity is left anywhere, and the search would have found one',
  { timeout: 180_000 },
  async () => {
    const { requests, problems } = await story();
    const told = [];
    for (const requestId of requests)
      for (const path of ['', '/subjects', '/progress', '/receipt'])
        told.push((await service.call('GET', `/v1/requests/${requestId}${path}`)).text);
    expect(findsIn('answers', told.join('\n'), NEEDLES)).toEqual([]);
    expect(findsIn('problems', JSON.stringify(problems), NEEDLES)).toEqual([]);
    expect(findsIn('rows', await rows(), NEEDLES)).toEqual([]);

    const temporalClient = await client();
    const ran = await executions(temporalClient);
    expect(ran.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['deletionRequest', 'systemDeletion', 'propagateSuppression']),
    );
    for (const { workflowId, texts } of ran) expect(findsIn(workflowId, texts.join('\n'), NEEDLES)).toEqual([]);
    const payloads = ran.flatMap((one) => one.payloads);
    expect(payloads.length).toBeGreaterThan(50);
    expect([...new Set(payloads.flatMap((payload) => strangers(JSON.parse(payload) as unknown)))]).toEqual([]);
    for (const { name, bytes } of filesBeside(dbFile)) expect(findsIn(name, bytes, NEEDLES)).toEqual([]);

    for (const [name, log, said] of [
      ['the API’s log', service.api.log(), '"answered"'],
      ['the worker’s log', worker.log(), '"polling"'],
      ['PostgreSQL’s log', readFileSync(customer.logFile, 'utf8'), 'lethe_system.batch'],
    ] as const) {
      expect(log).toContain(said);
      expect(findsIn(name, log, NEEDLES)).toEqual([]);
    }

    // Those who were not meant are as they were; the one that was cancelled is shown again.
    expect(await app`SELECT user_id, deleted_at FROM app.users ORDER BY 1`).toEqual([
      { user_id: 'canary-key-3', deleted_at: null },
      { user_id: 'canary-key-7', deleted_at: null },
    ]);
  },
);

test('the search finds a canary wherever one is put on purpose', async () => {
  const planted = await client();
  const text = 'canary-planted';
  await planted.workflow.start('planted', {
    workflowId: 'planted',
    taskQueue: 'nobody',
    args: [{ text, hex: Buffer.from(text).toString('hex'), base64: Buffer.from(`x${text}`).toString('base64') }],
    memo: { text },
  });
  await until('it is listed', async () => (await executions(planted)).some(({ type }) => type === 'planted'));
  const one = (await executions(planted)).find(({ type }) => type === 'planted');
  expect(findsIn('texts', one?.texts.join('\n') ?? '', NEEDLES).length).toBeGreaterThan(2);
  expect(strangers(JSON.parse(one?.payloads[0] ?? 'null') as unknown)).toContain(`.text: ${text}`);
  const stored = filesBeside(dbFile).flatMap(({ name, bytes }) => findsIn(name, bytes, NEEDLES));
  expect(stored.length).toBeGreaterThan(2);

  await ledger`INSERT INTO lethe.slots VALUES (${text}, now())`;
  expect(findsIn('rows', await rows(), NEEDLES)).toHaveLength(1);
  const loud = postgres(customer.url, { max: 1 });
  await loud.unsafe(`SELECT '${text}'`);
  await loud.end();
  await until('it is logged', async () => findsIn('log', readFileSync(customer.logFile, 'utf8'), NEEDLES).length > 0);

  for (const form of [
    Buffer.from(text, 'utf16le'),
    Buffer.from(text, 'utf16le').swap16(),
    Buffer.from(uuidOf(1).replaceAll('-', ''), 'hex'),
    Buffer.from(uuidOf(1).toUpperCase()),
    ...['', 'a', 'ab'].map((before) => Buffer.from(Buffer.from(`${before}${text} and more`).toString('base64'))),
  ])
    expect(
      findsIn('a copy', Buffer.concat([Buffer.from('before'), form, Buffer.from('after')]), NEEDLES).length,
    ).toBeGreaterThan(0);
});
