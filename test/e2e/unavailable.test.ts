import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { freePort } from '../../dev/embedded/ports.ts';
import { type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal, type TemporalServer } from '../../dev/embedded/temporal/temporal.ts';
import { sized } from '../support/size.ts';
import {
  onCleanup,
  createCaller,
  temporaryFolder,
  accessibleFolder,
  waitUntilPolling,
  prepareApp,
  connectUnlogged,
  type Service,
  startService,
  waitUntil,
} from './support/service.ts';
import { addUsers, figuresOf } from './support/users.ts';

// One installation whose components become unavailable one after another.
let service: Service;
let caller: ReturnType<typeof createCaller>;
let worker: ServerProcess;
let ledgerServer: PostgresServer;
let ledger: Database;
let temporalServer: TemporalServer;
let customer: PostgresServer;
let app: postgres.Sql;
const kept = { dir: accessibleFolder(), port: await freePort() };
const keptLedger = { dir: accessibleFolder(), port: await freePort() };
const temporal = { dbFile: `${temporaryFolder()}/temporal.db`, port: await freePort() };

beforeAll(async () => {
  [ledgerServer, customer] = await Promise.all([startPostgres(keptLedger), startPostgres(kept)]);
  onCleanup(() => Promise.all([ledgerServer.stop(), customer.stop()]));
  const { url: ledgerUrl } = ledgerServer;
  await migrate(ledgerUrl);
  ledger = connect(ledgerUrl, { connections: 1 });
  onCleanup(() => ledger.$client.end({ timeout: 1 }));
  app = await prepareApp(customer.url);
  await addUsers(app, 'bystander', 5);
  const temporalAddress = `127.0.0.1:${temporal.port}`;
  service = await startService({ ledgerUrl, appUrl: customer.url, temporalAddress });
  caller = createCaller(service);
}, 120_000);

const segment = (name: string) => ({ kind: 'user', segment: name });
const users = async (name: string) => (await app`SELECT FROM app.users WHERE user_id LIKE ${`${name}-%`}`).length;

/** Locks an order of the user in another transaction, which blocks the deletion halfway. */
async function whileBlockedAt(userId: string, work: () => Promise<void>): Promise<void> {
  const session = await app.reserve();
  await session`BEGIN`;
  await session`SELECT FROM app.orders WHERE user_id = ${userId} FOR UPDATE`;
  try {
    await work();
  } finally {
    await session`ROLLBACK`;
    session.release();
  }
}

const committedRanges = async (requestId: string) =>
  (await app`SELECT FROM lethe_system.ranges WHERE request_id = ${requestId}`).length;
const recordedRanges = async (requestId: string) =>
  (await ledger.$client`SELECT FROM lethe.system_ranges WHERE request_id = ${requestId}`).length;
const waitUntilStarted = (requestId: string): Promise<void> =>
  waitUntil(
    'a part is deleted',
    async () => (await committedRanges(requestId)) > 0,
    () => caller.status(requestId),
  );

async function expectCompleted(requestId: string, people: number): Promise<void> {
  await caller.waitForStatus(requestId, 'completed');
  const receipt = await caller.receipt(requestId);
  expect(receipt).toMatchObject({
    final: true,
    subjects: { deleted: people },
    ends: [{ state: 'verified', survivors: 0 }],
  });
  expect(receipt.figures).toEqual(figuresOf(people));
}

const logs = (process: ServerProcess, text: string): Promise<void> =>
  waitUntil(
    `the log contains ${text}`,
    async () => process.log().includes(text),
    () => process.log(),
  );

test(
  'starts the worker and the API while the ledger is away, and continues by itself',
  { timeout: 180_000 },
  async () => {
    await ledgerServer.stop();
    worker = await service.startWorker();
    const { apiUrl, api } = await service.startApi();
    await logs(worker, '(DATABASE_URL) is not reachable; retrying');
    const call = (path: string) => fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${service.token}` } });
    const answer = await call('/v1/requests');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).toContain('"storage_unavailable"');
    const readiness = await call('/readyz');
    expect([readiness.status, await readiness.text()]).toEqual([503, expect.stringContaining('"database":"away"')]);
    ledgerServer = await startPostgres(keptLedger);
    await logs(worker, 'Temporal at');
    await logs(api, 'the database is reachable');
    expect((await call('/v1/requests')).status).toBe(200);
    expect([worker.hasExited(), api.hasExited()]).toEqual([false, false]);
    await api.stop();
  },
);

test(
  'stores an accepted request and keeps the worker waiting while Temporal is unavailable, and completes it afterwards',
  { timeout: 180_000 },
  async () => {
    await addUsers(app, 'early', 1);
    const requestId = await caller.submit({
      kind: 'user',
      identities: [{ type: 'user_id', value: 'early-00001' }],
    });
    expect((await service.call('GET', '/readyz')).text).toContain('"temporal":"away"');
    expect(await caller.status(requestId)).toMatchObject({ status: 'received', attention: [] });
    expect(worker.hasExited()).toBe(false);
    // Housekeeping skips requests that were attended within the last minute.
    await ledger.$client`UPDATE lethe.requests SET attended_at = attended_at - interval '1 hour' WHERE id = ${requestId}`;
    temporalServer = await startTemporal(temporal);
    onCleanup(() => temporalServer.stop());
    await waitUntilPolling(worker);
    await expectCompleted(requestId, 1);
    expect(await users('early')).toBe(0);
    expect(await users('bystander')).toBe(5);
  },
);

test('continues a deletion and counts each row once when a worker is killed', { timeout: 180_000 }, async () => {
  const [people, ranges] = sized([1_000, 20], [3_000, 60]);
  await addUsers(app, 'killed', people);
  let requestId = '';
  await whileBlockedAt(`killed-${String(people / 2).padStart(5, '0')}`, async () => {
    requestId = await caller.submit(segment('killed'));
    await waitUntilStarted(requestId);
    process.kill(worker.pid, 'SIGKILL');
    await waitUntil('the worker has exited', async () => worker.hasExited());
  });
  expect(worker.log()).not.toContain('"stopped"');
  expect(await committedRanges(requestId)).toBeLessThan(ranges);
  expect((await caller.status(requestId)).status).toBe('deleting');
  expect(await users('killed')).toBeGreaterThan(0);
  worker = await service.startWorker();
  await waitUntilPolling(worker);
  await expectCompleted(requestId, people);
  expect(await recordedRanges(requestId)).toBe(ranges);
  expect(await users('killed')).toBe(0);
  expect(await users('bystander')).toBe(5);
});

test('finishes and records started ranges before the worker exits after SIGTERM', { timeout: 180_000 }, async () => {
  await addUsers(app, 'drained', 500);
  let requestId = '';
  await whileBlockedAt('drained-00250', async () => {
    requestId = await caller.submit(segment('drained'));
    await waitUntilStarted(requestId);
    process.kill(worker.pid, 'SIGTERM');
  });
  await waitUntil(
    'the worker exits',
    async () => worker.hasExited(),
    () => worker.log(),
  );
  expect(worker.log().split('\n').at(-1)).toContain('"stopped"');
  expect(worker.log()).not.toMatch(/"level":(50|60)/);
  expect([await committedRanges(requestId), await recordedRanges(requestId)]).toEqual([10, 10]);
  worker = await service.startWorker();
  await waitUntilPolling(worker);
  await expectCompleted(requestId, 500);
  expect(await users('bystander')).toBe(5);
});

test(
  'waits while the database of a system is stopped and completes after its restart',
  { timeout: 180_000 },
  async () => {
    await addUsers(app, 'waiting', 3);
    const hold = await caller.hold([{ type: 'user_id', value: 'waiting-00002' }]);
    const requestId = await caller.submit({ kind: 'user', identities: [{ type: 'user_id', value: 'waiting-00002' }] });
    await waitUntil(
      'the subject is hidden and held',
      async () => {
        const { heldSubjects, subjects } = await caller.status(requestId);
        return heldSubjects === 1 && subjects.states['soft_deleted'] === 1;
      },
      () => caller.status(requestId),
    );
    await customer.stop();
    await caller.release(hold);
    await waitUntil(
      'the request waits',
      async () => (await caller.status(requestId)).waits.some(({ reason }) => reason === 'system_unavailable'),
      () => caller.status(requestId),
    );
    expect(await caller.status(requestId)).toMatchObject({
      status: 'grace',
      subjects: { states: { soft_deleted: 1 } },
    });
    // A worker that starts in the meantime also waits, and does not report a config error.
    await waitUntilPolling(await service.startWorker());
    customer = await startPostgres(kept);
    app = connectUnlogged(customer.url);
    expect(await users('waiting')).toBe(3);
    await expectCompleted(requestId, 1);
    expect(await caller.status(requestId)).toMatchObject({ attention: [], waits: [] });
    expect(await users('waiting')).toBe(2);
    expect(await users('bystander')).toBe(5);
  },
);

const AWAY_MS = sized(4_000, 60_000);
const UNDER_WAY = 20;
/** The time after the return within which every request completes. The goal is 30 seconds on an idle machine. */
const BOUND_MS = 90_000;
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Pauses the process: it accepts connections and does not answer. */
async function whilePaused(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await wait(AWAY_MS).finally(() => process.kill(pid, 'SIGCONT'));
}

const OUTAGES: readonly (readonly [part: string, goAwayAndReturn: () => Promise<void>])[] = [
  [
    'the ledger is stopped',
    async () => {
      await ledgerServer.stop();
      await wait(AWAY_MS);
      ledgerServer = await startPostgres(keptLedger);
    },
  ],
  ['Temporal is paused', () => whilePaused(temporalServer.pid)],
  ['a system is paused', () => whilePaused(customer.pid)],
  [
    'a system is stopped',
    async () => {
      await customer.stop();
      await wait(AWAY_MS);
      customer = await startPostgres(kept);
      app = connectUnlogged(customer.url);
    },
  ],
];

// The drill pauses and kills each part as well, for a shorter time.
test.each(OUTAGES.slice(0, sized(1, 4)))(
  `completes ${UNDER_WAY} requests that are under way while %s, each once and without an operator`,
  { timeout: 300_000 },
  async (part, goAwayAndReturn) => {
    const name = part.replaceAll(' ', '-');
    await addUsers(app, name, UNDER_WAY);
    const ids = await Promise.all(
      Array.from({ length: UNDER_WAY }, (_, index) =>
        caller.submit({
          kind: 'user',
          identities: [{ type: 'user_id', value: `${name}-${String(index + 1).padStart(5, '0')}` }],
        }),
      ),
    );
    const statuses = () =>
      ledger.$client<{ status: string; count: number }[]>`
        SELECT status, count(*) FROM lethe.requests WHERE id = ANY(${ids}) GROUP BY status`.catch(() => []);
    await waitUntil(
      'all are under way',
      async () => !(await statuses()).some(({ status }) => status === 'received'),
      statuses,
    );
    await goAwayAndReturn();
    const returnedAt = performance.now();
    await waitUntil(
      'all are completed',
      async () => (await statuses()).some(({ status, count }) => status === 'completed' && count === UNDER_WAY),
      statuses,
      BOUND_MS,
    );
    const seconds = ((performance.now() - returnedAt) / 1_000).toFixed(1);
    if (sized(false, true)) console.info(`${part}: all completed ${seconds} s after its return`);
    const events = await ledger.$client<{ action: string; count: number }[]>`
      SELECT action, count(*) FROM lethe.audit_events
      WHERE request_id = ANY(${ids}) AND action IN ('subjects.deleted', 'system.retried', 'system.skipped') GROUP BY action`;
    expect([...events]).toEqual([{ action: 'subjects.deleted', count: UNDER_WAY }]);
    expect(await ledger.$client`SELECT FROM lethe.attention WHERE request_id = ANY(${ids})`).toHaveLength(0);
    expect(await users(name)).toBe(0);
    expect(await users('bystander')).toBe(5);
  },
);
