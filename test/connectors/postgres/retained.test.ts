import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedRange } from '../../../domain/batch.ts';
import { type Fixture, USER, batchOf, deletion, fixture, withTables, user, withUser, testContext } from '../fixture.ts';

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
