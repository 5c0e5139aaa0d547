import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Fixture,
  batchOf,
  deletion,
  exportAll,
  exportVerbOf,
  fixture,
  withTables,
  requestId,
  rowsOf,
  allText,
  user,
  valuesOf,
  testContext,
} from '../../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(6);
});
afterEach(() => db.close());

test("exports exactly the rows that a deletion counts, with each table once and the subject's own table first", async () => {
  const batch = batchOf([user(1), user(2)]);
  const got = await exportAll(db.connector(), batch);
  const count = await db.connector().count(batch, 'data', testContext());
  expect(Object.fromEntries([...got].map(([table, { figures }]) => [table, figures.rows]))).toEqual(count.tables);
  expect([...got.keys()][0]).toBe('app.users');
  for (const { text, figures } of got.values()) {
    expect(text.split('\n').length - 1).toBe(figures.rows);
    expect(Buffer.byteLength(text)).toBe(figures.bytes);
  }
  expect(rowsOf(got, 'app.order_items').map((row) => `${String(row['order_id'])}.${String(row['line'])}`)).toEqual(
    expect.arrayContaining(['1.1', '1.2', '2.1', '2.2']),
  );
});

test('describes each table with its wording, column types and basis of retention', async () => {
  const got = await exportAll(db.connector(), batchOf([user(1)]));
  expect(got.get('app.events')?.table).toMatchObject({
    meaning: 'What was done and when.',
    columns: [
      { name: 'event_id', type: 'bigint', meaning: null, source: false },
      { name: 'user_id', type: 'text', meaning: null, source: false },
      { name: 'at', type: 'timestamp with time zone', meaning: null, source: false },
      { name: 'note', type: 'text', meaning: 'A remark.', source: false },
    ],
    windowed: false,
    retained: null,
  });
  expect(got.get('app.order_items')?.table.columns.filter(({ source }) => source)).toMatchObject([{ name: 'sku' }]);
  expect(got.get('app.invoices')?.table).toMatchObject({ meaning: null, retained: 'tax law' });
});

test('exports hidden subjects like visible ones', async () => {
  const id = requestId();
  const visible = await exportAll(db.connector(), batchOf([user(1)]));
  const hide = { hidden: true, generation: 1, at: new Date('2026-02-01T00:00:00Z') };
  await db.connector().setVisibility?.(batchOf([user(1)], { requestId: id, batch: 'g1' }), hide, testContext());
  const hidden = await exportAll(db.connector(), batchOf([user(1)], { requestId: id, batch: 'e1' }));
  expect(hidden.get('app.users')?.figures.rows).toBe(1);
  expect(rowsOf(hidden, 'app.users')[0]?.['deleted_at']).toBe('2026-02-01T00:00:00+00:00');
  expect(hidden.get('app.events')?.text).toBe(visible.get('app.events')?.text);
});

test('exports tables without rows for an unknown subject', async () => {
  const got = await exportAll(db.connector(), batchOf([user('unknown')]));
  expect(got.size).toBeGreaterThan(5);
  expect(allText(got).trim()).toBe('');
  for (const { figures } of got.values()) expect(figures).toEqual({ rows: 0, bytes: 0 });
});

describe('export of two users who share a company, an order and an alias', () => {
  /** u-1 and u-2 share a company, an alias, and an order of u-1 in which u-2 has a row of its own. */
  const addSharedRows = async () => {
    await db.sql.unsafe(`
      UPDATE app.users SET name = 'canary of one' WHERE user_id = 'u-1';
      UPDATE app.users SET name = 'canary of two' WHERE user_id = 'u-2';
      UPDATE app.memberships SET company_id = 1 WHERE user_id IN ('u-1', 'u-2');
      CREATE TABLE app.participants (order_id bigint REFERENCES app.orders, user_id text, remark text, PRIMARY KEY (order_id, user_id));
      CREATE INDEX participants_user ON app.participants (user_id);
      INSERT INTO app.participants VALUES (1, 'u-1', 'canary of one'), (1, 'u-2', 'canary of two');
      INSERT INTO app.aliases VALUES ('shared', 'u-1'), ('shared', 'u-2');
      INSERT INTO app.events (user_id, note) VALUES ('u-1', 'canary of one'), ('u-2', 'canary of two'), ('shared', 'canary of both')`);
    return withTables({ table: 'app.participants', subject: 'user_id' });
  };

  test.each([
    [1, 'canary of one', 'canary of two'],
    [2, 'canary of two', 'canary of one'],
  ])('exports the rows of u-%i and no row of the other user', async (n, own, other) => {
    const settings = await addSharedRows();
    // A batch contains no shared identity.
    const got = await exportAll(db.connector({}, settings), batchOf([user(n)]));
    expect(allText(got).split(own)).toHaveLength(4);
    expect(allText(got)).not.toContain(other);
    expect(allText(got)).not.toContain('canary of both');
    expect(allText(got)).not.toContain(`u-${3 - n}`);
    expect(rowsOf(got, 'app.memberships')).toEqual([{ company_id: 1, user_id: `u-${n}` }]);
    expect(rowsOf(got, 'app.participants')).toMatchObject([{ order_id: 1, user_id: `u-${n}` }]);
    expect(rowsOf(got, 'app.aliases')).toContainEqual({ alias: 'shared', user_id: `u-${n}` });
    expect(got.has('app.companies')).toBe(false);
  });

  test('exports the memberships of a company and no other rows of its members', async () => {
    const settings = await addSharedRows();
    const company = batchOf([[{ type: 'company_id', value: ['1'] }]], { kind: 'company' });
    const got = await exportAll(db.connector({}, settings), company);
    expect([...got.keys()]).toEqual(['app.companies', 'app.memberships']);
    expect(rowsOf(got, 'app.memberships').map((row) => row['user_id'])).toEqual(expect.arrayContaining(['u-1', 'u-2']));
    expect(allText(got)).not.toContain('canary');
  });

  test('exports a row of a shared alias once when both users submitted it', async () => {
    const settings = await addSharedRows();
    const shared = { type: 'alias', value: ['shared'] };
    const got = await exportAll(
      db.connector({}, settings),
      batchOf([
        [...user(1), shared],
        [...user(2), shared],
      ]),
    );
    expect(rowsOf(got, 'app.events').filter((row) => row['note'] === 'canary of both')).toHaveLength(1);
  });
});

test('exports a table with two entries once, without duplicate rows', async () => {
  await db.sql.unsafe(`
    CREATE TABLE app.tickets (ticket int PRIMARY KEY, user_id text, email text, unit text);
    CREATE INDEX ON app.tickets (user_id); CREATE INDEX ON app.tickets (lower(email), lower(unit));
    INSERT INTO app.tickets VALUES (1, 'u-1', NULL, NULL), (2, NULL, 'USER1@x.test', 'Berlin'), (3, 'u-1', 'user1@x.test', 'berlin'),
      (4, 'u-2', NULL, NULL), (5, NULL, 'user2@x.test', 'berlin')`);
  const settings = withTables(
    { table: 'app.tickets', subject: 'user_id' },
    { table: 'app.tickets', subject: { identity: 'email', columns: ['email', 'unit'] } },
  );
  const got = await exportAll(db.connector({}, settings), batchOf([user(1)]));
  expect(valuesOf(got, 'app.tickets', 'ticket')).toEqual(['1', '2', '3']);
});

test('exports all tables from one snapshot when rows are deleted during the export', async () => {
  const seen: [string, number][] = [];
  const options = { scope: 'data', since: null, format: 'ndjson' } as const;
  for await (const table of exportVerbOf(db.connector())(batchOf([user(1)]), options, testContext())) {
    for await (const _ of table.rows);
    seen.push([table.table, table.figures().rows]);
    if (seen.length === 1)
      await db.connector().hardDelete(batchOf([user(1)], { requestId: requestId() }), deletion(), testContext());
  }
  expect((await exportAll(db.connector(), batchOf([user(1)]))).get('app.events')?.figures.rows).toBe(0);
  expect(Object.fromEntries(seen)).toMatchObject({ 'app.events': 2, 'app.orders': 1, 'app.order_items': 2 });
});

test('skips a table whose rows are not read and rejects a later attempt to read them', async () => {
  const options = { scope: 'data', since: null, format: 'ndjson' } as const;
  const tables = [];
  for await (const table of exportVerbOf(db.connector())(batchOf([user(1)]), options, testContext()))
    tables.push(table);
  expect(tables.length).toBeGreaterThan(5);
  expect(db.statements.filter((sql) => sql.startsWith('COPY (')).length).toBe(0);
  const [first] = tables;
  expect(() => first?.figures()).toThrow('not read to their end');
  await expect(
    (async () => {
      for await (const _ of first?.rows ?? []);
    })(),
  ).rejects.toThrow('before the next table');
});

test('does not change any row', async () => {
  const before = await db.state();
  await exportAll(db.connector(), batchOf([user(1)]));
  await exportAll(db.connector(), batchOf([user(1)]), { scope: 'categories' });
  await exportAll(db.connector(), batchOf([user(1)]), { scope: 'sources', format: 'csv' });
  expect(await db.state()).toEqual(before);
});
