import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Fixture,
  batchOf,
  deletion,
  exportAll,
  fixture,
  testContext,
  USER,
  user,
  withUser,
} from '../../fixture.ts';

const COLUMNS = ['email', 'name'];

let db: Fixture;
beforeEach(async () => {
  db = await fixture(5);
  await db.sql.unsafe(`
    CREATE TABLE app.replies (reply int PRIMARY KEY, author text REFERENCES app.users, approved_by text REFERENCES app.users);
    CREATE INDEX ON app.replies (author); CREATE INDEX ON app.replies (approved_by);
    INSERT INTO app.replies VALUES (1, 'u-1', 'u-3'), (2, 'u-3', 'u-1'), (3, 'u-4', 'u-1'), (4, 'u-2', 'u-1'), (5, 'u-5', 'u-4')`);
});
afterEach(() => db.close());

const connect = () =>
  db.connector(
    {},
    withUser({
      omit: ['name'],
      anonymise: { email: { placeholder: 'gone-{key}' }, name: null },
      tables: [
        ...(USER.tables ?? []),
        { table: 'app.replies', subject: { column: 'author', match: 'key' } },
        { table: 'app.replies', subject: { column: 'approved_by', match: 'key' }, detach: { approved_by: null } },
      ],
    }),
  );

const repliesOf = ({ ranges }: ReturnType<typeof deletion>) =>
  ranges.flatMap(({ tables }) => tables.filter(({ table }) => table === 'app.replies'));

test('counts a detached row apart from the removed ones, and not when another entry deletes it', async () => {
  const batch = batchOf([user(1), user('unknown'), user(2)]);
  const done = deletion();
  await connect().hardDelete(batch, done, testContext());
  // Reply 4 refers to u-1 and belongs to u-2, so it is only removed.
  expect(repliesOf(done)).toEqual([{ table: 'app.replies', removed: 2, retained: [], detached: 2 }]);
  expect([...(await db.sql`SELECT * FROM app.replies ORDER BY reply`)]).toEqual([
    { reply: 2, author: 'u-3', approved_by: null },
    { reply: 3, author: 'u-4', approved_by: null },
    { reply: 5, author: 'u-5', approved_by: 'u-4' },
  ]);
  await db.sql`INSERT INTO app.replies VALUES (6, 'u-3', 'u-2')`;
  const second = deletion({ pass: 2 });
  await connect().hardDelete(batch, second, testContext());
  expect(repliesOf(second)).toEqual([{ table: 'app.replies', removed: 0, retained: [], detached: 1 }]);
});

test('counts an anonymised row once, with its columns and its subject, and not as removed', async () => {
  const batch = batchOf([user(1), user('unknown'), user(2)]);
  const done = deletion();
  await connect().hardDelete(batch, done, testContext());
  const ownRow = { rows: 1, columns: COLUMNS };
  expect(done.ranges.flatMap(({ tables }) => tables.filter(({ table }) => table === 'app.users'))).toEqual([
    { table: 'app.users', removed: 0, retained: [], anonymised: { rows: 2, columns: COLUMNS } },
  ]);
  expect(done.ranges.flatMap(({ anonymised = [] }) => anonymised)).toEqual([
    { seq: 1, ...ownRow },
    { seq: 3, ...ownRow },
  ]);
  const repeated = deletion();
  await connect().hardDelete(batch, repeated, testContext());
  expect(repeated.ranges).toEqual(done.ranges);
  await db.sql`UPDATE app.users SET name = 'again' WHERE user_id = 'u-2'`;
  const second = deletion({ pass: 2 });
  await connect().hardDelete(batch, second, testContext());
  expect(second.ranges.flatMap(({ anonymised = [] }) => anonymised)).toEqual([{ seq: 3, ...ownRow }]);
});

test('counts no detached row for a dry run and exports none', async () => {
  const { tables } = await connect().count(batchOf([user(1)]), 'data', testContext());
  expect(tables).toMatchObject({ 'app.replies': 1, 'app.users': 1 });
  const exported = await exportAll(connect(), batchOf([user(1)]));
  expect(exported.get('app.replies')?.figures.rows).toBe(1);
  expect(exported.get('app.replies')?.text).toContain('"reply":1');
});

test('names the columns that a deletion replaces in an export, except omitted ones', async () => {
  const exported = await exportAll(connect(), batchOf([user(1)]));
  expect(exported.get('app.users')?.table).toMatchObject({ retained: null, anonymised: ['email'] });
  expect(exported.get('app.events')?.table).toMatchObject({ anonymised: [] });
});
