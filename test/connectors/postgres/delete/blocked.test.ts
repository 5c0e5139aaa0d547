import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Deletion } from '../../../../connectors/connector.ts';
import { type PostgresSettings, systemSql } from '../../../../connectors/postgres/index.ts';
import {
  SYSTEM,
  type Fixture,
  addUpRanges,
  batchOf,
  deletion,
  fixture,
  requestId,
  testContext,
  user,
} from '../../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(30);
});
afterEach(() => db.close());

const subjects = (count: number) => Array.from({ length: count }, (_, index) => user(index + 1));
/** Rows outside the data map that reference orders of these users. */
const addParcels = (...users: readonly number[]) =>
  db.sql.unsafe(`CREATE TABLE app.parcels (o bigint CONSTRAINT parcels_order REFERENCES app.orders);
    INSERT INTO app.parcels VALUES ${users.map((n) => `(${n})`).join(', ')}`);
const usersLeft = async (): Promise<string[]> =>
  (await db.sql<{ id: string }[]>`SELECT user_id AS id FROM app.users ORDER BY length(user_id), user_id`).map(
    ({ id }) => id,
  );
const blockedOf = (end: Deletion) => ('done' in end ? (end.blocked ?? []) : []);
const chunksOf = (statements: readonly string[]): number =>
  statements.filter((sql) => sql.startsWith('INSERT INTO lethe_system.ranges')).length;
const PARCEL = { table: 'app.parcels', constraint: 'parcels_order' };

test('deletes the other subjects of the range and of the batch, and names table and constraint of the blocked one', async () => {
  await addParcels(2);
  const before = await db.state({
    users: `user_id = 'u-2'`,
    events: `user_id IN ('u-2', 'a-2')`,
    orders: 'order_id = 2',
  });
  const done = deletion();
  const batch = batchOf(subjects(25));
  const end = await db.connector({ retries: 1 }).hardDelete(batch, done, testContext());
  expect(end).toEqual({ done: true, blocked: [{ seq: 2, ...PARCEL }] });
  expect(await usersLeft()).toEqual(['u-2', 'u-26', 'u-27', 'u-28', 'u-29', 'u-30']);
  const after = await db.state({
    users: `user_id = 'u-2'`,
    events: `user_id IN ('u-2', 'a-2')`,
    orders: 'order_id = 2',
  });
  for (const table of ['users', 'events', 'orders']) expect(after[table]).toEqual(before[table]);
  expect(addUpRanges(done.ranges)['app.users']).toEqual({ removed: 24, retained: 0 });
  expect(done.ranges.filter(({ firstSeq, lastSeq }) => firstSeq <= 2 && lastSeq >= 2)).toEqual([]);
});

test('deletes two customers without invoices and names the foreign key that blocks the one with some', async () => {
  await db.sql.unsafe(`
    CREATE TABLE public.customer (customer_id int PRIMARY KEY, email text);
    CREATE TABLE public.invoice (invoice_id int PRIMARY KEY, customer_id int NOT NULL CONSTRAINT invoice_customer_id_fkey REFERENCES public.customer);
    CREATE INDEX ON public.invoice (customer_id);
    INSERT INTO public.customer SELECT n, n || '@x.test' FROM unnest(ARRAY[21, 100, 101, 102]) n; INSERT INTO public.invoice VALUES (1, 21), (2, 21)`);
  const settings = {
    url: { env: 'X' },
    kinds: { user: { table: 'public.customer', key: { column: 'customer_id', match: 'integer' } } },
  } satisfies PostgresSettings;
  await db.sql.unsafe(systemSql(settings, { system: SYSTEM }));
  const keys = [100, 21, 101].map((key) => [{ type: 'customer_id', value: [String(key)] }]);
  expect(await db.connector({ retries: 1 }, settings).hardDelete(batchOf(keys), deletion(), testContext())).toEqual({
    done: true,
    blocked: [{ seq: 2, table: 'public.invoice', constraint: 'invoice_customer_id_fkey' }],
  });
  const left = await db.sql<{ id: number }[]>`SELECT customer_id AS id FROM public.customer ORDER BY 1`;
  expect(left.map(({ id }) => id)).toEqual([21, 102]);
});

test('verifies the other subjects when the call leaves the blocked one out', async () => {
  await addParcels(2);
  const batch = batchOf(subjects(3));
  const connector = db.connector({ retries: 0 });
  await connector.hardDelete(batch, deletion(), testContext());
  expect(await connector.verify({ ...batch, except: [2] }, 'data', testContext())).toMatchObject({ survivors: 0 });
  expect(await connector.verify({ ...batch, except: [] }, 'data', testContext())).not.toMatchObject({ survivors: 0 });
});

test('is idempotent, and tries only the blocked subject again in a second call of the same pass', async () => {
  await addParcels(2);
  const batch = batchOf(subjects(25));
  const [first, second] = [deletion(), deletion()];
  const connector = db.connector({ retries: 0 });
  await connector.hardDelete(batch, first, testContext());
  const state = await db.state();
  db.statements.length = 0;
  expect(blockedOf(await connector.hardDelete(batch, second, testContext()))).toEqual([{ seq: 2, ...PARCEL }]);
  expect(await db.state()).toEqual(state);
  expect(second.ranges).toEqual(first.ranges);
  expect(chunksOf(db.statements)).toBe(1);
});

test('deletes and counts a blocked subject once when its obstacle is gone', async () => {
  await addParcels(2);
  await db.sql`INSERT INTO app.invoices (user_id, address) VALUES ('u-2', 'another')`;
  const batch = batchOf(subjects(25));
  const [first, second] = [deletion(), deletion()];
  const connector = db.connector({ retries: 0 });
  await connector.hardDelete(batch, first, testContext());
  await db.sql`DELETE FROM app.parcels`;
  expect(await connector.hardDelete(batch, second, testContext())).toEqual({ done: true });
  const sums = addUpRanges([...first.ranges, ...second.ranges]);
  expect(sums['app.users']).toEqual({ removed: 25, retained: 0 });
  expect(sums['app.invoices']).toEqual({ removed: 0, retained: 26 });
  expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
});

test('does not delete a subject that the call leaves out, and keeps the parts of the other ranges', async () => {
  await addParcels(2, 5);
  const batch = batchOf(subjects(25));
  const [first, second] = [deletion(), deletion()];
  const connector = db.connector({ retries: 0 });
  await connector.hardDelete(batch, first, testContext());
  await db.sql`DELETE FROM app.parcels`;
  expect(await connector.hardDelete({ ...batch, except: [2] }, second, testContext())).toEqual({ done: true });
  expect((await usersLeft())[0]).toBe('u-2');
  expect(addUpRanges([...first.ranges, ...second.ranges])['app.users']).toEqual({ removed: 24, retained: 0 });
  expect(await connector.verify({ ...batch, except: [2] }, 'data', testContext())).toMatchObject({ survivors: 0 });
});

test.each<[string, string, object]>([
  [
    'a check',
    `ALTER TABLE app.invoices ADD CONSTRAINT owned CHECK (invoice_id <> 2 OR user_id IS NOT NULL)`,
    { table: 'app.invoices', constraint: 'owned' },
  ],
  [
    'an error that a trigger raises',
    `CREATE FUNCTION app.fail() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN IF OLD.user_id = 'u-2' THEN RAISE EXCEPTION 'no %', OLD.user_id; END IF; RETURN OLD; END $$;
     CREATE TRIGGER fail BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.fail()`,
    { table: null, constraint: null },
  ],
  [
    'an error whose fields are values',
    `CREATE FUNCTION app.fail() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN IF OLD.user_id = 'u-2' THEN
       RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = OLD.user_id, SCHEMA = 'app', TABLE = OLD.user_id, CONSTRAINT = OLD.user_id;
     END IF; RETURN OLD; END $$;
     CREATE TRIGGER fail BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.fail()`,
    { table: null, constraint: null },
  ],
  [
    'a deferred foreign key',
    `CREATE TABLE app.parcels (o bigint CONSTRAINT parcels_order REFERENCES app.orders DEFERRABLE INITIALLY DEFERRED);
     INSERT INTO app.parcels VALUES (2)`,
    PARCEL,
  ],
  [
    'a value that a trigger cannot cast',
    `CREATE FUNCTION app.fail() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN IF OLD.user_id = 'u-2' THEN PERFORM OLD.user_id::int; END IF; RETURN OLD; END $$;
     CREATE TRIGGER fail BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.fail()`,
    { table: null, constraint: null },
  ],
])('blocks only one subject because of %s, and returns no value', async (_name, sql, obstacle) => {
  await db.sql.unsafe(sql);
  const end = await db.connector({ retries: 0 }).hardDelete(batchOf(subjects(5)), deletion(), testContext());
  expect(end).toEqual({ done: true, blocked: [{ seq: 2, ...obstacle }] });
  expect((await usersLeft()).slice(0, 2)).toEqual(['u-2', 'u-6']);
});

test('deletes the other subjects when one is locked, and then asks for another call', async () => {
  const application = await db.sql.reserve();
  await application`BEGIN`;
  await application`SELECT FROM app.users WHERE user_id = 'u-2' FOR UPDATE`;
  const batch = batchOf(subjects(25));
  const connector = db.connector({ lockTimeoutMs: 50, retries: 1 });
  await expect(connector.hardDelete(batch, deletion(), testContext())).rejects.toMatchObject({
    code: 'timeout',
    retryable: true,
  });
  expect((await usersLeft()).slice(0, 2)).toEqual(['u-2', 'u-26']);
  await application`ROLLBACK`;
  application.release();
  expect(await connector.hardDelete(batch, deletion(), testContext())).toEqual({ done: true });
  expect((await usersLeft())[0]).toBe('u-26');
});

test('deletes the rows of a large subject that nothing blocks, and reports the parts that are gone', async () => {
  await db.sql`INSERT INTO app.events (user_id) SELECT 'u-2' FROM generate_series(1, 20)`;
  await db.sql.unsafe(`
    CREATE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) FROM deleted) > 10 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER DELETE ON app.events REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION app.slow();
    CREATE TABLE app.parcels (u text CONSTRAINT parcels_user REFERENCES app.users); INSERT INTO app.parcels VALUES ('u-2')`);
  const done = deletion();
  const connector = db.connector({ statementTimeoutMs: 300, retries: 0, rowsPerPart: 8 });
  expect(await connector.hardDelete(batchOf(subjects(4)), done, testContext())).toEqual({
    done: true,
    blocked: [{ seq: 2, table: 'app.parcels', constraint: 'parcels_user' }],
  });
  expect(await usersLeft()).toContain('u-2');
  expect(done.ranges.filter(({ part }) => part > 0).length).toBeGreaterThan(1);
  expect(done.ranges.some(({ firstSeq, part }) => firstSeq === 2 && part === 0)).toBe(false);
});

test('adds suppressions for the deleted subjects and none for the blocked one', async () => {
  await addParcels(2);
  await db.connector({ retries: 0 }).hardDelete(batchOf(subjects(3)), deletion({ suppress: true }), testContext());
  const [row] = await db.sql`
    SELECT lethe_system.is_suppressed('user', 'u-1') AS one, lethe_system.is_suppressed('user', 'u-2') AS two,
           lethe_system.is_suppressed('user', 'u-3') AS three`;
  expect(row).toEqual({ one: true, two: false, three: true });
});

test('blocks a subject of a part deletion and clears the others', async () => {
  await db.sql.unsafe(`ALTER TABLE app.users ADD CONSTRAINT named CHECK (user_id <> 'u-2' OR name IS NOT NULL)`);
  const end = await db
    .connector({ retries: 0 })
    .hardDelete(batchOf(subjects(5)), deletion({ scope: 'categories' }), testContext());
  expect(blockedOf(end)).toEqual([{ seq: 2, table: 'app.users', constraint: 'named' }]);
  const named = await db.sql`SELECT user_id FROM app.users WHERE name IS NOT NULL ORDER BY user_id LIMIT 30`;
  expect(named.map((row) => row['user_id'] as string)).toContain('u-2');
  expect(named).toHaveLength(26);
});

test.each([
  ['one', (n: number) => n === 777, 18],
  ['two', (n: number) => n === 777 || n === 5_555, 36],
])(
  'needs a number of commits that grows with the logarithm of the range when %s of 10,000 is blocked',
  async (_name, isBlocked, more) => {
    const count = 10_000;
    await db.sql.unsafe(`INSERT INTO app.users SELECT 'u-' || n FROM generate_series(31, ${count}) n;
    INSERT INTO app.orders SELECT n, 'u-' || n FROM generate_series(31, ${count}) n`);
    const blocked = Array.from({ length: count }, (_, index) => index + 1).filter(isBlocked);
    await addParcels(...blocked);
    const keys = Array.from({ length: count }, (_, index) => [{ type: 'user_id', value: [`u-${index + 1}`] }]);
    const settings = { ...db.settings, pace: { share: 1, subjectsPerCommit: 500 } };
    db.statements.length = 0;
    const end = await db.connector({ retries: 0 }, settings).hardDelete(batchOf(keys), deletion(), testContext());
    expect(blockedOf(end).map(({ seq }) => seq)).toEqual(blocked);
    expect(await usersLeft()).toEqual(blocked.map((n) => `u-${n}`));
    // 2 · log2(500) halves per blocked subject.
    expect(chunksOf(db.statements) - count / 500).toBeLessThanOrEqual(more + blocked.length);
  },
);

test('reports every subject as blocked and changes nothing when all are', async () => {
  const all = Array.from({ length: 30 }, (_, index) => index + 1);
  await addParcels(...all);
  const before = await db.state();
  db.statements.length = 0;
  const batch = batchOf(subjects(30), { requestId: requestId() });
  const end = await db.connector({ retries: 0 }).hardDelete(batch, deletion(), testContext());
  expect(blockedOf(end).map(({ seq }) => seq)).toEqual(all);
  expect(await db.state()).toEqual(before);
  expect(chunksOf(db.statements)).toBeLessThanOrEqual(2 * 30);
});
