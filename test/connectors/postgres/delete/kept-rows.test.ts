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
  withTables,
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

/** The figures of one table in all ranges. */
const figuresIn = ({ ranges }: ReturnType<typeof deletion>, name: string) =>
  ranges.flatMap(({ tables }) => tables.filter(({ table }) => table === name));

test('counts a detached row apart from the removed ones, and not when another entry deletes it', async () => {
  const batch = batchOf([user(1), user('unknown'), user(2)]);
  const done = deletion();
  await connect().hardDelete(batch, done, testContext());
  // Reply 4 refers to u-1 and belongs to u-2, so it is only removed.
  expect(figuresIn(done, 'app.replies')).toEqual([{ table: 'app.replies', removed: 2, retained: [], detached: 2 }]);
  expect([...(await db.sql`SELECT * FROM app.replies ORDER BY reply`)]).toEqual([
    { reply: 2, author: 'u-3', approved_by: null },
    { reply: 3, author: 'u-4', approved_by: null },
    { reply: 5, author: 'u-5', approved_by: 'u-4' },
  ]);
  await db.sql`INSERT INTO app.replies VALUES (6, 'u-3', 'u-2')`;
  const second = deletion({ pass: 2 });
  await connect().hardDelete(batch, second, testContext());
  expect(figuresIn(second, 'app.replies')).toEqual([{ table: 'app.replies', removed: 0, retained: [], detached: 1 }]);
});

test('counts an anonymised row once, with its columns and its subject, and not as removed', async () => {
  const batch = batchOf([user(1), user('unknown'), user(2)]);
  const done = deletion();
  await connect().hardDelete(batch, done, testContext());
  const ownRow = { rows: 1, columns: COLUMNS };
  expect(figuresIn(done, 'app.users')).toEqual([
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

test('counts a row that refers to a subject by two columns as detached once', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.tickets (ticket int PRIMARY KEY, opened_by text, closed_by text);
    CREATE INDEX ON app.tickets (opened_by); CREATE INDEX ON app.tickets (closed_by);
    INSERT INTO app.tickets VALUES (1, 'u-1', 'u-1'), (2, 'u-1', 'u-2'), (3, 'u-3', 'u-2'), (4, 'u-3', 'u-3')`);
  const detached = (column: string) => ({
    table: 'app.tickets',
    subject: { column, match: 'key' } as const,
    detach: { [column]: null },
  });
  const connector = db.connector({}, withTables(detached('opened_by'), detached('closed_by')));
  const done = deletion();
  await db.sql`DROP TABLE app.replies`;
  await connector.hardDelete(batchOf([user(1), user(2)]), done, testContext());
  expect(figuresIn(done, 'app.tickets')).toEqual([{ table: 'app.tickets', removed: 0, retained: [], detached: 3 }]);
  expect([...(await db.sql`SELECT * FROM app.tickets ORDER BY ticket`)]).toEqual([
    { ticket: 1, opened_by: null, closed_by: null },
    { ticket: 2, opened_by: null, closed_by: null },
    { ticket: 3, opened_by: 'u-3', closed_by: null },
    { ticket: 4, opened_by: 'u-3', closed_by: 'u-3' },
  ]);
});

test('counts the own row of a subject as anonymised only when it refers to another subject', async () => {
  await db.sql.unsafe(`
    ALTER TABLE app.users ADD manager text REFERENCES app.users; CREATE INDEX ON app.users (manager);
    UPDATE app.users SET manager = 'u-1' WHERE user_id IN ('u-2', 'u-3')`);
  await db.sql`DROP TABLE app.replies`;
  const connector = db.connector(
    {},
    withUser({
      anonymise: { email: null, name: null },
      tables: [
        ...(USER.tables ?? []),
        { table: 'app.users', subject: { column: 'manager', match: 'key' }, detach: { manager: null } },
      ],
    }),
  );
  const done = deletion();
  await connector.hardDelete(batchOf([user(1), user(2)]), done, testContext());
  expect(figuresIn(done, 'app.users')).toEqual([
    { table: 'app.users', removed: 0, retained: [], detached: 1, anonymised: { rows: 2, columns: COLUMNS } },
  ]);
  expect([...(await db.sql`SELECT user_id, manager FROM app.users WHERE manager IS NOT NULL`)]).toEqual([]);
});

test('counts a retained row of a subject as retained only when it refers to another subject', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.calls (call int PRIMARY KEY, caller text, agent text);
    CREATE INDEX ON app.calls (caller); CREATE INDEX ON app.calls (agent);
    INSERT INTO app.calls VALUES (1, 'u-1', 'u-2'), (2, 'u-5', 'u-2'), (3, 'u-1', 'u-5')`);
  await db.sql`DROP TABLE app.replies`;
  const calls = [
    {
      table: 'app.calls',
      subject: { column: 'caller', match: 'key' },
      retain: { basis: 'contract', unlink: 'null' },
    },
    { table: 'app.calls', subject: { column: 'agent', match: 'key' }, detach: { agent: null } },
  ] as const;
  for (const tables of [calls, calls.toReversed()]) {
    const done = deletion();
    await db.sql.begin(async (sql) => {
      await sql`DELETE FROM app.calls`;
      await sql`INSERT INTO app.calls VALUES (1, 'u-1', 'u-2'), (2, 'u-5', 'u-2'), (3, 'u-1', 'u-5')`;
    });
    await db.connector({}, withTables(...tables)).hardDelete(batchOf([user(1), user(2)]), done, testContext());
    expect(figuresIn(done, 'app.calls')).toEqual([
      { table: 'app.calls', removed: 0, retained: [{ basis: 'contract', rows: 2 }], detached: 1 },
    ]);
  }
});

test('counts a row of an array with subjects of two ranges as detached once', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.memos (memo int PRIMARY KEY, readers text[]); CREATE INDEX ON app.memos USING gin (readers);
    INSERT INTO app.memos VALUES (1, '{u-1,u-2,u-3}'), (2, '{u-3,u-1}'), (3, '{u-3}'), (4, '{u-2}')`);
  await db.sql`DROP TABLE app.replies`;
  const memos = {
    table: 'app.memos',
    subject: { contains: 'readers', match: 'key' },
    detach: { readers: null },
  } as const;
  const settings = { ...withTables(memos), pace: { share: 1, subjectsPerCommit: 1 } };
  const done = deletion();
  await db.connector({}, settings).hardDelete(batchOf([user(1), user(2)]), done, testContext());
  expect(done.ranges).toHaveLength(2);
  expect(figuresIn(done, 'app.memos').reduce((sum, { detached = 0 }) => sum + detached, 0)).toBe(3);
  expect([...(await db.sql`SELECT readers FROM app.memos ORDER BY memo`)]).toEqual([
    { readers: ['u-3'] },
    { readers: ['u-3'] },
    { readers: ['u-3'] },
    { readers: [] },
  ]);
});

test('counts a row that two entries retain on one basis once, and on two bases for each', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.deals (deal int PRIMARY KEY, buyer text, seller text, broker text);
    CREATE INDEX ON app.deals (buyer); CREATE INDEX ON app.deals (seller); CREATE INDEX ON app.deals (broker);
    INSERT INTO app.deals VALUES (1, 'u-1', 'u-2', 'u-1'), (2, 'u-1', 'u-5', NULL), (3, 'u-5', 'u-2', 'u-5'), (4, 'u-5', 'u-5', 'u-5')`);
  await db.sql`DROP TABLE app.replies`;
  const retained = (column: string, retain: { basis: string; unlink?: 'null' }) => ({
    table: 'app.deals',
    subject: { column, match: 'key' } as const,
    retain,
  });
  for (const unlink of [{}, { unlink: 'null' }] as const) {
    const connector = db.connector(
      {},
      withTables(
        retained('buyer', { basis: 'contract', ...unlink }),
        retained('seller', { basis: 'contract', ...unlink }),
        retained('broker', { basis: 'audit', ...unlink }),
      ),
    );
    const done = deletion();
    await connector.hardDelete(batchOf([user(1), user(2)]), done, testContext());
    const [figures] = figuresIn(done, 'app.deals');
    expect(figures?.retained).toEqual([
      { basis: 'audit', rows: 1 },
      { basis: 'contract', rows: 3 },
    ]);
    expect(done.ranges.flatMap((range) => range.retained)).toEqual(
      expect.arrayContaining([
        { seq: 1, basis: 'contract', rows: 2 },
        { seq: 2, basis: 'contract', rows: 2 },
        { seq: 1, basis: 'audit', rows: 1 },
      ]),
    );
  }
});
