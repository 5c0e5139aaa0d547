import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../db/client.ts';
import { freePort } from '../../dev/embedded/ports.ts';
import { type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import type { ServerProcess } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
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

// One installation whose components become unavailable one after another.
let service: Service;
let caller: ReturnType<typeof createCaller>;
let worker: ServerProcess;
let ledger: Database;
let customer: PostgresServer;
let app: postgres.Sql;
/** The request that was accepted while Temporal was unavailable. */
let requestBeforeTemporal = '';
const kept = { dir: accessibleFolder(), port: await freePort() };
const temporal = { dbFile: `${temporaryFolder()}/temporal.db`, port: await freePort() };

beforeAll(async () => {
  const { url: ledgerUrl } = await ledgerDatabase();
  ledger = connect(ledgerUrl, { connections: 1 });
  onCleanup(() => ledger.$client.end({ timeout: 1 }));
  customer = await startPostgres(kept);
  onCleanup(() => customer.stop());
  app = await prepareApp(customer.url);
  await addUsers('bystander', 5);
  const temporalAddress = `127.0.0.1:${temporal.port}`;
  service = await startService({ ledgerUrl, appUrl: customer.url, temporalAddress });
  caller = createCaller(service);
  worker = await service.startWorker();
}, 120_000);

/** Adds users without shared rows, and a segment that contains them. */
const addUsers = (name: string, size: number) =>
  app.unsafe(`
    CREATE TEMPORARY TABLE people ON COMMIT DROP AS
      SELECT '${name}-' || lpad(n::text, 5, '0') AS id FROM generate_series(1, ${size}) n;
    INSERT INTO app.users SELECT id, md5(id)::uuid, 'ext-' || id, id || '@example.test', 'berlin', 'N', '2025-01-01' FROM people;
    INSERT INTO app.aliases SELECT 'alias-' || id, id FROM people;
    INSERT INTO app.events SELECT nextval('app.numbers'), named, '2025-02-01', 'seen'
      FROM people, unnest(ARRAY[id, id, 'alias-' || id]) named;
    INSERT INTO app.orders SELECT md5('order ' || id)::uuid, id, '2025-02-01' FROM people;
    INSERT INTO app.order_items SELECT md5('order ' || id)::uuid, line, 'sku', 100 FROM people, generate_series(1, 2) line;
    INSERT INTO app.newsletter SELECT id || '@example.test', 'berlin', '2025-03-01' FROM people;
    INSERT INTO app.invoices SELECT nextval('app.numbers'), id, '2025-04-01', 100, 'Main St ' || id FROM people;
    INSERT INTO app.segment_members SELECT '${name}', id FROM people`);

const figuresOf = (people: number) => ({
  'app.aliases': people,
  'app.events': 3 * people,
  'app.invoices': people,
  'app.memberships': 0,
  'app.newsletter': people,
  'app.order_items': 2 * people,
  'app.orders': people,
  'app.segment_members': people,
  'app.users': people,
});
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

test(
  'stores accepted requests and keeps the worker waiting while Temporal is unavailable',
  { timeout: 180_000 },
  async () => {
    await addUsers('early', 1);
    requestBeforeTemporal = await caller.submit({
      kind: 'user',
      identities: [{ type: 'user_id', value: 'early-00001' }],
    });
    expect((await service.call('GET', '/readyz')).text).toContain('"temporal":"away"');
    expect(await caller.status(requestBeforeTemporal)).toMatchObject({ status: 'received', attention: [] });
    expect(worker.hasExited()).toBe(false);
    // Housekeeping skips requests that were attended within the last minute.
    await ledger.$client`UPDATE lethe.requests SET attended_at = attended_at - interval '1 hour' WHERE id = ${requestBeforeTemporal}`;
    const server = await startTemporal(temporal);
    onCleanup(() => server.stop());
    await waitUntilPolling(worker);
  },
);

test('continues a deletion and counts each row once when a worker is killed', { timeout: 180_000 }, async () => {
  await addUsers('killed', 3_000);
  let requestId = '';
  await whileBlockedAt('killed-01500', async () => {
    requestId = await caller.submit(segment('killed'));
    await waitUntilStarted(requestId);
    process.kill(worker.pid, 'SIGKILL');
    await waitUntil('the worker has exited', async () => worker.hasExited());
  });
  expect(worker.log()).not.toContain('"stopped"');
  expect(await committedRanges(requestId)).toBeLessThan(60);
  expect((await caller.status(requestId)).status).toBe('deleting');
  expect(await users('killed')).toBeGreaterThan(0);
  worker = await service.startWorker();
  await waitUntilPolling(worker);
  await expectCompleted(requestId, 3_000);
  expect(await recordedRanges(requestId)).toBe(60);
  expect(await users('killed')).toBe(0);
  expect(await users('bystander')).toBe(5);
});

test('finishes and records started ranges before the worker exits after SIGTERM', { timeout: 180_000 }, async () => {
  await addUsers('drained', 500);
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
  'raises attention while the database of a system is stopped and completes after its restart',
  { timeout: 180_000 },
  async () => {
    await addUsers('waiting', 3);
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
      'the request needs attention',
      async () => (await caller.status(requestId)).attention.some(({ code }) => code === 'system_unavailable'),
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
    expect((await caller.status(requestId)).attention).toEqual([]);
    expect(await users('waiting')).toBe(2);
    expect(await users('bystander')).toBe(5);
  },
);

test('completes the request that was accepted while Temporal was unavailable', { timeout: 180_000 }, async () => {
  await expectCompleted(requestBeforeTemporal, 1);
  expect(await users('early')).toBe(0);
  expect(await users('bystander')).toBe(5);
});
