import type postgres from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../db/client.ts';
import { freePort } from '../../dev/embedded/ports.ts';
import { type PostgresServer, startPostgres } from '../../dev/embedded/postgres/postgres.ts';
import type { Supervised } from '../../dev/embedded/child-process.ts';
import { startTemporal } from '../../dev/embedded/temporal/temporal.ts';
import { ledgerDatabase } from '../support/databases.ts';
import {
  atTheEnd,
  caller,
  folder,
  openFolder,
  polls,
  prepareApp,
  quietly,
  type Service,
  startService,
  until,
} from './support/service.ts';

// One installation, whose parts go away one after the other.
let service: Service;
let ask: ReturnType<typeof caller>;
let worker: Supervised;
let ledger: Database;
let customer: PostgresServer;
let app: postgres.Sql;
/** Accepted while Temporal was away. */
let early = '';
const kept = { dir: openFolder(), port: await freePort() };
const temporal = { dbFile: `${folder()}/temporal.db`, port: await freePort() };

beforeAll(async () => {
  const { url: ledgerUrl } = await ledgerDatabase();
  ledger = connect(ledgerUrl, { connections: 1 });
  atTheEnd(() => ledger.$client.end({ timeout: 1 }));
  customer = await startPostgres(kept);
  atTheEnd(() => customer.stop());
  app = await prepareApp(customer.url);
  await crowd('bystander', 5);
  const temporalAddress = `127.0.0.1:${temporal.port}`;
  service = await startService({ ledgerUrl, appUrl: customer.url, temporalAddress });
  ask = caller(service);
  worker = await service.startWorker();
}, 120_000);

/** People who share nothing with others, listed in a segment of their name. */
const crowd = (name: string, size: number) =>
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

/** While somebody else's transaction holds an order of this user, a deletion stands still in its middle. */
async function whileStoppedAt(userId: string, work: () => Promise<void>): Promise<void> {
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

const committed = async (requestId: string) =>
  (await app`SELECT FROM lethe_system.ranges WHERE request_id = ${requestId}`).length;
const told = async (requestId: string) =>
  (await ledger.$client`SELECT FROM lethe.system_ranges WHERE request_id = ${requestId}`).length;
const underWay = (requestId: string): Promise<void> =>
  until(
    'some of it is deleted',
    async () => (await committed(requestId)) > 0,
    () => ask.status(requestId),
  );

async function completedWith(requestId: string, people: number): Promise<void> {
  await ask.reaches(requestId, 'completed');
  const receipt = await ask.receipt(requestId);
  expect(receipt).toMatchObject({
    final: true,
    subjects: { deleted: people },
    ends: [{ state: 'verified', survivors: 0 }],
  });
  expect(receipt.figures).toEqual(figuresOf(people));
}

test(
  'Temporal away: accepted and stored, and a worker waits for it as long as it takes',
  { timeout: 180_000 },
  async () => {
    await crowd('early', 1);
    early = await ask.submit({ kind: 'user', identities: [{ type: 'user_id', value: 'early-00001' }] });
    expect((await service.call('GET', '/readyz')).text).toContain('"temporal":"away"');
    expect(await ask.status(early)).toMatchObject({ status: 'received', attention: [] });
    expect(worker.ended()).toBe(false);
    // As if it had waited for hours: housekeeping leaves alone what was looked at within the last minute.
    await ledger.$client`UPDATE lethe.requests SET attended_at = attended_at - interval '1 hour' WHERE id = ${early}`;
    const server = await startTemporal(temporal);
    atTheEnd(() => server.stop());
    await polls(worker);
  },
);

test(
  'a worker killed in the middle of a deletion: another goes on, and each row is counted once',
  { timeout: 180_000 },
  async () => {
    await crowd('killed', 3_000);
    let requestId = '';
    await whileStoppedAt('killed-01500', async () => {
      requestId = await ask.submit(segment('killed'));
      await underWay(requestId);
      process.kill(worker.pid, 'SIGKILL');
      await until('the worker is gone', async () => worker.ended());
    });
    expect(worker.log()).not.toContain('"ended"');
    expect(await committed(requestId)).toBeLessThan(60);
    expect((await ask.status(requestId)).status).toBe('deleting');
    expect(await users('killed')).toBeGreaterThan(0);
    worker = await service.startWorker();
    await polls(worker);
    await completedWith(requestId, 3_000);
    expect(await told(requestId)).toBe(60);
    expect(await users('killed')).toBe(0);
    expect(await users('bystander')).toBe(5);
  },
);

test(
  'SIGTERM in the middle of a deletion: what was begun is finished and told, then the worker ends',
  { timeout: 180_000 },
  async () => {
    await crowd('drained', 500);
    let requestId = '';
    await whileStoppedAt('drained-00250', async () => {
      requestId = await ask.submit(segment('drained'));
      await underWay(requestId);
      process.kill(worker.pid, 'SIGTERM');
    });
    await until(
      'the worker ends by itself',
      async () => worker.ended(),
      () => worker.log(),
    );
    expect(worker.log().split('\n').at(-1)).toContain('"ended"');
    expect(worker.log()).not.toMatch(/"level":(50|60)/);
    expect([await committed(requestId), await told(requestId)]).toEqual([10, 10]);
    worker = await service.startWorker();
    await polls(worker);
    await completedWith(requestId, 500);
    expect(await users('bystander')).toBe(5);
  },
);

test(
  'the customer’s database stopped during the wait: attention, and when it is back it ends by itself',
  { timeout: 180_000 },
  async () => {
    await crowd('waiting', 3);
    const hold = await ask.hold([{ type: 'user_id', value: 'waiting-00002' }]);
    const requestId = await ask.submit({ kind: 'user', identities: [{ type: 'user_id', value: 'waiting-00002' }] });
    await until(
      'hidden and held',
      async () => {
        const { heldSubjects, subjects } = await ask.status(requestId);
        return heldSubjects === 1 && subjects.states['soft_deleted'] === 1;
      },
      () => ask.status(requestId),
    );
    await customer.stop();
    await ask.release(hold);
    await until(
      'attention',
      async () => (await ask.status(requestId)).attention.some(({ code }) => code === 'system_unavailable'),
      () => ask.status(requestId),
    );
    expect(await ask.status(requestId)).toMatchObject({ status: 'grace', subjects: { states: { soft_deleted: 1 } } });
    // One that is started meanwhile waits with the others, and does not call the data map mistaken.
    await polls(await service.startWorker());
    customer = await startPostgres(kept);
    app = quietly(customer.url);
    expect(await users('waiting')).toBe(3);
    await completedWith(requestId, 1);
    expect((await ask.status(requestId)).attention).toEqual([]);
    expect(await users('waiting')).toBe(2);
    expect(await users('bystander')).toBe(5);
  },
);

test(
  'what was accepted with Temporal away was started by the Schedule and is completed',
  { timeout: 180_000 },
  async () => {
    await completedWith(early, 1);
    expect(await users('early')).toBe(0);
    expect(await users('bystander')).toBe(5);
  },
);
