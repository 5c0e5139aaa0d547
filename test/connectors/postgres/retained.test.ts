import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedRange } from '../../../domain/batch.ts';
import {
  type Fixture,
  USER,
  addUpRanges,
  batchOf,
  deletion,
  fixture,
  withTables,
  user,
  withUser,
  testContext,
} from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(5);
});
afterEach(() => db.close());

/** The retained rows of all ranges: `{ '1 tax law': 2 }`. */
function retainedIn(ranges: readonly FinishedRange[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { seq, basis, rows } of ranges.flatMap(({ retained }) => retained))
    sum[`${seq} ${basis}`] = (sum[`${seq} ${basis}`] ?? 0) + rows;
  return sum;
}

test('adds up the rows of each subject per basis when several tables keep rows', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.invoice_lines (invoice_id bigint REFERENCES app.invoices, line int, note text, PRIMARY KEY (invoice_id, line));
    INSERT INTO app.invoice_lines SELECT invoice_id, line, 'note' FROM app.invoices, generate_series(1, 3) line;
    INSERT INTO app.ratings (user_id, stars) VALUES ('a-1', 4), ('a-1', 3);
    CREATE TABLE app.payments (payment int PRIMARY KEY, email text, unit text); CREATE INDEX ON app.payments (lower(email), lower(unit));
    INSERT INTO app.payments VALUES (1, 'USER2@x.test', 'Berlin'), (2, 'user2@X.test', 'berlin'), (3, 'user2@x.test', 'rome')`);
  const connector = db.connector(
    {},
    withTables(
      {
        table: 'app.invoice_lines',
        via: { table: 'app.invoices', on: { invoice_id: 'invoice_id' } },
        retain: { basis: 'tax law', blank: ['note'] },
      },
      {
        table: 'app.payments',
        subject: { identity: 'email', columns: ['email', 'unit'] },
        retain: { basis: 'tax law' },
      },
    ),
  );
  const done = deletion();
  await connector.hardDelete(batchOf([user(1), user('unknown'), user(2)]), done, testContext());
  expect(retainedIn(done.ranges)).toEqual({
    '1 tax law': 4,
    '1 statistics': 3,
    '3 tax law': 6,
    '3 statistics': 1,
  });
  expect(done.ranges.flatMap(({ retained }) => retained)).toHaveLength(4);
});

test('counts a row once when it is found by several identities of a subject', async () => {
  const identities = [...user(1), { type: 'alias', value: ['u-1'] }];
  const done = deletion();
  await db.connector().hardDelete(batchOf([identities]), done, testContext());
  expect(retainedIn(done.ranges)).toEqual({ '1 tax law': 1, '1 statistics': 1 });
});

test('counts only the rows that arrived late when a second pass follows', async () => {
  const tables = (USER.tables ?? []).map((table) =>
    table.table === 'app.ratings' ? { ...table, retain: { basis: 'statistics', blank: ['comment'] } } : table,
  );
  const connector = db.connector({}, withUser({ tables }));
  const batch = batchOf([user(1), user(2)]);
  const first = deletion();
  await connector.hardDelete(batch, first, testContext());
  expect(retainedIn(first.ranges)).toEqual({ '1 tax law': 1, '1 statistics': 1, '2 tax law': 1, '2 statistics': 1 });
  await db.sql`INSERT INTO app.ratings (user_id, stars, comment) VALUES ('u-2', 1, 'late'), ('a-2', 1, 'late')`;
  const second = deletion({ pass: 2 });
  await connector.hardDelete(batch, second, testContext());
  expect(retainedIn(second.ranges)).toEqual({ '2 statistics': 2 });
});

test('adds up the parts when a subject is too large for one commit', async () => {
  await db.sql.unsafe(`
    INSERT INTO app.ratings (user_id, stars) SELECT 'u-1', 5 FROM generate_series(1, 60);
    CREATE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) FROM changed) > 20 THEN PERFORM pg_sleep(10); END IF; RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER UPDATE ON app.ratings REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app.slow()`);
  const connector = db.connector({ statementTimeoutMs: 500, rowsPerPart: 20 });
  const batch = batchOf([user(1), user(2)]);
  const done = deletion();
  await connector.hardDelete(batch, done, testContext());
  expect(done.ranges.filter(({ part }) => part > 0).length).toBeGreaterThan(2);
  expect(retainedIn(done.ranges)).toEqual({ '1 tax law': 1, '1 statistics': 61, '2 tax law': 1, '2 statistics': 1 });
  const again = deletion();
  await connector.hardDelete(batch, again, testContext());
  expect(retainedIn(again.ranges)).toEqual(retainedIn(done.ranges));
});

test('reports no retained rows when the subject has none', async () => {
  await db.sql`DELETE FROM app.invoices WHERE user_id = 'u-1'`;
  await db.sql`DELETE FROM app.ratings WHERE user_id = 'u-1'`;
  const done = deletion();
  await db.connector().hardDelete(batchOf([user(1)]), done, testContext());
  expect(done.ranges.map(({ retained }) => retained)).toEqual([[]]);
});

/** Keeps the reference of rows: no column is blanked, and the subject is not unlinked. */
const withVisits = () =>
  withTables(
    { table: 'app.visits', subject: 'user_id', retain: { basis: 'accident reports' } },
    {
      table: 'app.calls',
      subject: { column: 'caller', match: 'key' },
      retain: { basis: 'contract', unlink: 'null', blank: ['note'] },
    },
    {
      table: 'app.calls',
      subject: { column: 'agent', match: 'key' },
      retain: { basis: 'labor law', unlink: 'pseudonym' },
    },
    { table: 'app.claims', subject: 'user_id', retain: { basis: 'insurance', blank: ['note'] } },
  );

const createVisits = () =>
  db.sql.unsafe(`
    CREATE TABLE app.visits (user_id text, place int); CREATE INDEX ON app.visits (user_id);
    CREATE TABLE app.calls (caller text, agent text, note text); CREATE INDEX ON app.calls (caller); CREATE INDEX ON app.calls (agent);
    CREATE TABLE app.claims (user_id text, note text); CREATE INDEX ON app.claims (user_id);
    INSERT INTO app.visits VALUES ('u-1', 1), ('u-1', 2), ('u-2', 3), ('u-3', 4);
    INSERT INTO app.calls VALUES ('u-1', 'u-4', 'a'), ('u-1', 'u-2', 'b'), ('u-5', 'u-2', 'c'), ('u-5', 'u-4', 'd');
    INSERT INTO app.claims VALUES ('u-1', 'x'), ('u-2', NULL)`);

test('reports the rows of each basis apart when a table is mapped twice with different bases', async () => {
  await createVisits();
  const done = deletion();
  await db.connector({}, withVisits()).hardDelete(batchOf([user(1), user(2)]), done, testContext());
  expect(done.ranges.flatMap(({ tables }) => tables.filter(({ table }) => table === 'app.calls'))).toEqual([
    {
      table: 'app.calls',
      removed: 0,
      retained: [
        { basis: 'contract', rows: 2 },
        { basis: 'labor law', rows: 2 },
      ],
    },
  ]);
  expect(retainedIn(done.ranges)).toMatchObject({ '1 contract': 2, '2 labor law': 2 });
});

test('counts retained rows that arrive between two passes once when nothing changes in them', async () => {
  await createVisits();
  const connector = db.connector({}, withVisits());
  const batch = batchOf([user(1), user(2)]);
  const first = deletion();
  await connector.hardDelete(batch, first, testContext());
  await db.sql`INSERT INTO app.visits VALUES ('u-2', 5), ('a-2', 6), ('u-3', 7)`;
  await db.sql`INSERT INTO app.claims VALUES ('u-1', NULL), ('u-1', 'y')`;
  const second = deletion({ pass: 2 });
  await connector.hardDelete(batch, second, testContext());
  expect(addUpRanges(second.ranges)).toMatchObject({
    'app.visits': { removed: 0, retained: 2 },
    'app.claims': { removed: 0, retained: 2 },
  });
  expect(retainedIn(second.ranges)).toEqual({ '2 accident reports': 2, '1 insurance': 2 });
  const repeated = deletion({ pass: 2 });
  await connector.hardDelete(batch, repeated, testContext());
  expect(repeated.ranges).toEqual(second.ranges);
  await db.sql`INSERT INTO app.visits VALUES ('u-1', 8)`;
  const third = deletion({ pass: 3 });
  await connector.hardDelete(batch, third, testContext());
  expect(addUpRanges(third.ranges)).toMatchObject({ 'app.visits': { retained: 1 }, 'app.claims': { retained: 0 } });
  expect(retainedIn(third.ranges)).toEqual({ '1 accident reports': 1 });
});

test('counts late retained rows once when a later pass splits a range that an earlier pass finished', async () => {
  await createVisits();
  const batch = batchOf([user(1), user(2), user(3)]);
  await db.connector({}, withVisits()).hardDelete(batch, deletion(), testContext());
  await db.sql.unsafe(`
    INSERT INTO app.visits VALUES ('u-1', 8), ('u-3', 9);
    INSERT INTO app.events (user_id) SELECT 'u-' || n FROM generate_series(1, 3) n;
    CREATE FUNCTION app.slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) FROM gone) > 1 THEN PERFORM pg_sleep(10); END IF; RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER DELETE ON app.events REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.slow()`);
  const second = deletion({ pass: 2 });
  await db.connector({ statementTimeoutMs: 500 }, withVisits()).hardDelete(batch, second, testContext());
  expect(second.ranges.length).toBeGreaterThan(1);
  expect(addUpRanges(second.ranges)).toMatchObject({ 'app.visits': { retained: 2 }, 'app.claims': { retained: 0 } });
  expect(retainedIn(second.ranges)).toEqual({ '1 accident reports': 1, '3 accident reports': 1 });
  await db.sql`DROP TRIGGER slow ON app.events`;
  await db.sql`INSERT INTO app.visits VALUES ('u-2', 10)`;
  const third = deletion({ pass: 3 });
  await db.connector({}, withVisits()).hardDelete(batch, third, testContext());
  expect(third.ranges).toHaveLength(1);
  expect(retainedIn(third.ranges)).toEqual({ '2 accident reports': 1 });
  expect(addUpRanges(third.ranges)).toMatchObject({ 'app.visits': { retained: 1 } });
});
