import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import {
  type Fixture,
  COMPANY,
  SETTINGS,
  batchOf,
  deletion,
  exportAll,
  fixture,
  withTables,
  addUpRanges,
  requestId,
  rowsOf,
  user,
  withUser,
  testContext,
} from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(6);
});
afterEach(() => db.close());

const CLEARED = { name: null, born: null, plan: 'free', tags: {}, score: '0.00', pair: null, initial: null };
const users = () => db.sql`SELECT * FROM app.users WHERE user_id IN ('u-1', 'u-2') ORDER BY user_id`;

test("clears a subject's own row except key, identities and soft-delete column", async () => {
  await db.sql.unsafe(`
    ALTER TABLE app.users ADD born date, ADD plan text NOT NULL DEFAULT 'free', ADD tags json NOT NULL DEFAULT '{}',
      ADD score numeric(8, 2) NOT NULL DEFAULT 0, ADD pair int[], ADD initial text GENERATED ALWAYS AS (left(name, 1)) STORED;
    UPDATE app.users SET born = '1990-01-02', plan = 'gold', tags = '{"a": 1}', score = 3, pair = '{1,NULL}'`);
  const rest = { users: `user_id NOT IN ('u-1', 'u-2')` };
  const [before, profiles] = [await db.state(rest), await users()];
  const batch = batchOf([user(1), user(2)]);
  expect((await db.connector().count(batch, 'categories', testContext())).tables).toEqual({ 'app.users': 2 });
  const done = deletion({ scope: 'categories' });
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 2 });
  expect(await db.connector().hardDelete(batch, done, testContext())).toEqual({ done: true });
  expect(await users()).toEqual(profiles.map((row) => ({ ...row, ...CLEARED })));
  expect(await db.state(rest)).toEqual(before);
  expect(done.ranges).toMatchObject([
    { tables: [{ table: 'app.users', removed: 0, retained: [], blanked: 2 }], retained: [] },
  ]);
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
  // The subjects still have rows, but no column is left to clear.
  expect(await db.connector().count(batch, 'categories', testContext())).toEqual({
    tables: { 'app.users': 0 },
    presentSeqs: [1, 2],
  });
});

test('does not clear columns that find other rows, so that a later deletion finds them', async () => {
  await db.sql.unsafe(`
    ALTER TABLE app.users ADD account text, ADD firm bigint;
    UPDATE app.users SET account = 'account of ' || user_id, firm = 1;
    CREATE INDEX ON app.users (firm);
    CREATE TABLE app.badges (badge text PRIMARY KEY, account text); CREATE INDEX ON app.badges (account);
    INSERT INTO app.badges SELECT user_id, account FROM app.users`);
  const { kinds, ...rest } = withTables({
    table: 'app.badges',
    via: { table: 'app.users', on: { account: 'account' } },
  });
  const company = { ...COMPANY, tables: [...(COMPANY.tables ?? []), { table: 'app.users', subject: 'firm' }] };
  const connector = db.connector({}, { ...rest, kinds: { ...kinds, company } });
  await connector.hardDelete(batchOf([user(1)]), deletion({ scope: 'categories' }), testContext());
  expect(await users()).toMatchObject([
    { name: null, account: 'account of u-1', firm: '1' },
    { name: 'name 2', account: 'account of u-2' },
  ]);
  const full = deletion();
  await connector.hardDelete(batchOf([user(1)]), full, testContext());
  expect(addUpRanges(full.ranges)).toMatchObject({ 'app.badges': { removed: 1 }, 'app.users': { removed: 1 } });
});

test.each([
  [
    'a foreign key of other rows references it',
    `ALTER TABLE app.users ADD handle text UNIQUE; UPDATE app.users SET handle = 'handle of ' || user_id;
     CREATE TABLE app.posts (handle text REFERENCES app.users (handle) ON UPDATE CASCADE); INSERT INTO app.posts SELECT handle FROM app.users`,
    'handle',
  ],
  [
    'it is a foreign key that is NOT NULL',
    `CREATE TABLE app.tenants (tenant int PRIMARY KEY); INSERT INTO app.tenants VALUES (1), (2);
     ALTER TABLE app.users ADD tenant int NOT NULL DEFAULT 1 REFERENCES app.tenants; UPDATE app.users SET tenant = 2`,
    'tenant',
  ],
  [
    'it is part of the primary key',
    `ALTER TABLE app.users DROP CONSTRAINT users_pkey CASCADE, ADD region text NOT NULL DEFAULT 'eu';
     UPDATE app.users SET region = 'us'; ALTER TABLE app.users ADD PRIMARY KEY (user_id, region)`,
    'region',
  ],
])('keeps a column and names it in the receipt when %s', async (_reason, sql, column) => {
  await db.sql.unsafe(sql);
  const [before, profiles] = [await db.state({ users: 'false' }), await users()];
  const done = deletion({ scope: 'categories' });
  await db.connector().hardDelete(batchOf([user(1)]), done, testContext());
  expect(await db.state({ users: 'false' })).toEqual(before);
  expect(await users()).toEqual(profiles.map((row, index) => (index === 0 ? { ...row, name: null } : row)));
  expect(done.ranges[0]?.tables).toEqual([
    { table: 'app.users', removed: 0, retained: [{ basis: `cannot be empty: ${column}`, rows: 1 }], blanked: 1 },
  ]);
});

test('counts the rows of columns that cannot be cleared once, with their basis', async () => {
  await db.sql.unsafe(
    `ALTER TABLE app.users ADD created_at timestamptz NOT NULL DEFAULT now(), ADD serial int GENERATED ALWAYS AS IDENTITY`,
  );
  const batch = batchOf([user('unknown'), user(1)]);
  const done = deletion({ scope: 'categories' });
  await db.connector().hardDelete(batch, done, testContext());
  expect(done.ranges).toMatchObject([
    {
      tables: [
        {
          table: 'app.users',
          removed: 0,
          blanked: 1,
          retained: [{ basis: 'cannot be empty: created_at, serial', rows: 1 }],
        },
      ],
      retained: [{ seq: 2, basis: 'cannot be empty: created_at, serial', rows: 1 }],
    },
  ]);
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
  const second = deletion({ scope: 'categories', pass: 2 });
  await db.connector().hardDelete(batch, second, testContext());
  expect(addUpRanges(second.ranges)['app.users'] ?? { removed: 0, retained: 0 }).toEqual({ removed: 0, retained: 0 });
  expect(second.ranges.flatMap(({ retained }) => retained)).toEqual([]);
});

test('clears the columns under sources in every table, also through via', async () => {
  const settings = withUser({ sources: ['name'] });
  const batch = batchOf([user(1)]);
  const rest = { users: `user_id <> 'u-1'`, order_items: 'order_id <> 1' };
  const before = await db.state(rest);
  const connector = db.connector({}, settings);
  expect((await connector.count(batch, 'sources', testContext())).tables).toEqual({
    'app.users': 1,
    'app.order_items': 2,
  });
  const done = deletion({ scope: 'sources' });
  await connector.hardDelete(batch, done, testContext());
  expect(await db.sql`SELECT line, sku FROM app.order_items WHERE order_id = 1 ORDER BY line`).toEqual([
    { line: 1, sku: null },
    { line: 2, sku: null },
  ]);
  expect(await users()).toMatchObject([{ name: null }, { name: 'name 2' }]);
  expect(await db.state(rest)).toEqual(before);
  expect(Object.fromEntries(done.ranges[0]?.tables.map(({ table, blanked }) => [table, blanked]) ?? [])).toEqual({
    'app.users': 1,
    'app.order_items': 2,
  });
  expect(await connector.verify(batch, 'sources', testContext())).toMatchObject({ survivors: 0 });
  expect(rowsOf(await exportAll(connector, batchOf([user(1)]), { scope: 'sources' }), 'app.order_items')).toEqual([]);
});

test('does not hide or suppress a subject and leaves no tombstone', async () => {
  for (const scope of ['categories', 'sources'] as const)
    await db.connector().hardDelete(batchOf([user(1)]), deletion({ scope, suppress: true }), testContext());
  expect(await db.sql`SELECT FROM lethe_system.tombstones`).toEqual([]);
  expect(await db.sql`SELECT FROM lethe_system.suppressions`).toEqual([]);
  expect(await users()).toMatchObject([{ deleted_at: null }, { deleted_at: null }]);
});

test('reports a column that is written again as a survivor and clears it in a second pass', async () => {
  const batch = batchOf([user(1), user(2)]);
  await db.connector().hardDelete(batch, deletion({ scope: 'categories' }), testContext());
  await db.sql`UPDATE app.users SET name = 'again' WHERE user_id = 'u-2'`;
  expect(await db.connector().verify(batch, 'categories', testContext())).toEqual({
    survivors: 1,
    tables: expect.objectContaining({ 'app.users': 1, 'app.events': 0 }) as unknown,
  });
  const second = deletion({ scope: 'categories', pass: 2 });
  await db.connector().hardDelete(batch, second, testContext());
  expect(second.ranges[0]?.tables).toMatchObject([{ table: 'app.users', blanked: 1 }]);
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
});

test('clears and counts each range once when the worker dies between two ranges', async () => {
  const settings: PostgresSettings = { ...SETTINGS, pace: { share: 1, subjectsPerCommit: 1 } };
  const batch = batchOf([user(1), user(2), user(3)], { requestId: requestId() });
  const first = deletion({ scope: 'sources' });
  const call = db.connector({}, settings).hardDelete(
    batch,
    {
      ...first,
      onRangeFinished: async (range) => {
        if (range.firstSeq === 2) throw new Error('crashed');
        await first.onRangeFinished(range);
      },
    },
    testContext(),
  );
  await expect(call).rejects.toThrow('crashed');
  await db.sql`UPDATE app.order_items SET sku = 'later' WHERE order_id = 1`;
  const again = deletion({ scope: 'sources' });
  await db.connector({}, settings).hardDelete(batch, again, testContext());
  expect(again.ranges.map(({ firstSeq, tables }) => [firstSeq, tables[0]?.blanked])).toEqual([
    [1, 2],
    [2, 2],
    [3, 2],
  ]);
  // A value that is written after its range was finished is left for the verification.
  expect(await db.connector({}, settings).verify(batch, 'sources', testContext())).toMatchObject({ survivors: 2 });
});

test('clears a subject that is too large for one commit in parts and counts each row once', async () => {
  await db.sql.unsafe(`
    INSERT INTO app.order_items SELECT 1, line, 'sku' FROM generate_series(3, 1000) line;
    CREATE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) FROM changed) > 300 THEN PERFORM pg_sleep(10); END IF; RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER UPDATE ON app.order_items REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app.slow()`);
  const done = deletion({ scope: 'sources' });
  const connector = db.connector({ statementTimeoutMs: 1_000, rowsPerPart: 300 });
  await connector.hardDelete(batchOf([user(1)]), done, testContext());
  const blanked = done.ranges.flatMap(({ tables }) => tables.map((table) => table.blanked ?? 0));
  expect(blanked.reduce((sum, rows) => sum + rows, 0)).toBe(1_000);
  expect(done.ranges.length).toBeGreaterThan(3);
  expect(Math.max(...blanked)).toBeLessThanOrEqual(300);
  expect(await connector.verify(batchOf([user(1)]), 'sources', testContext())).toMatchObject({ survivors: 0 });
});

test('blocks both subjects without changes when a constraint rejects the cleared value', async () => {
  await db.sql.unsafe(`ALTER TABLE app.users ADD CONSTRAINT named CHECK (name IS NOT NULL)`);
  const before = await db.state();
  const batch = batchOf([user(1), user(2)]);
  const obstacle = { table: 'app.users', constraint: 'named' };
  expect(await db.connector().hardDelete(batch, deletion({ scope: 'categories' }), testContext())).toEqual({
    done: true,
    blocked: [1, 2].map((seq) => ({ seq, ...obstacle })),
  });
  expect(await db.state()).toEqual(before);
});

test('reports a column that a trigger fills again as a survivor, or as retained when it is NOT NULL', async () => {
  await db.sql.unsafe(`
    ALTER TABLE app.users ADD updated_at timestamptz; UPDATE app.users SET updated_at = '2025-01-01';
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch()`);
  const batch = batchOf([user(1)]);
  await db.connector().hardDelete(batch, deletion({ scope: 'categories' }), testContext());
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 1 });
  await db.sql`ALTER TABLE app.users ALTER updated_at SET NOT NULL`;
  expect(await db.connector().verify(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
  const other = deletion({ scope: 'categories' });
  await db.connector().hardDelete(batchOf([user(2)]), other, testContext());
  expect(other.ranges[0]?.tables).toMatchObject([
    { blanked: 1, retained: [{ basis: 'cannot be empty: updated_at', rows: 1 }] },
  ]);
});

test('deletes the same rows after a part deletion as without it', async () => {
  const fresh = deletion();
  await db.connector().hardDelete(batchOf([user(3)]), fresh, testContext());
  await db.connector().hardDelete(batchOf([user(1)]), deletion({ scope: 'categories' }), testContext());
  await db.connector().hardDelete(batchOf([user(1)]), deletion({ scope: 'sources' }), testContext());
  const full = deletion();
  await db.connector().hardDelete(batchOf([user(1)]), full, testContext());
  expect(addUpRanges(full.ranges)).toEqual(addUpRanges(fresh.ranges));
});
