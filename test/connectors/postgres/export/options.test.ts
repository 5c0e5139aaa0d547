import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Fixture,
  SETTINGS,
  batchOf,
  exportAll,
  fixture,
  withTables,
  rowsOf,
  user,
  valuesOf,
} from '../../fixture.ts';

/** What an export may be asked to hold, and how to write it: a window, a part of the data, CSV. */
let db: Fixture;
beforeEach(async () => {
  db = await fixture(6);
});
afterEach(() => db.close());

describe('a window', () => {
  const since = new Date('2025-03-01T12:00:00Z');

  test('leaves out what came to be before it, keeps what does not say when, and says which tables it cuts', async () => {
    await db.sql.unsafe(`
      ALTER TABLE app.events ALTER at DROP NOT NULL;
      DELETE FROM app.events WHERE user_id = 'u-1';
      INSERT INTO app.events (user_id, at, note) VALUES ('u-1', '2025-03-01 11:59:59.999Z', 'before'),
        ('u-1', '2025-03-01 12:00Z', 'at its start'), ('u-1', '2025-09-01Z', 'within'), ('u-1', NULL, 'undated')`);
    const got = await exportAll(db.connector(), batchOf([[{ type: 'user_id', value: ['u-1'] }]]), { since });
    expect(valuesOf(got, 'app.events', 'note')).toEqual(['at its start', 'undated', 'within']);
    expect([...got.values()].filter(({ table }) => table.windowed).map(({ table }) => table.table)).toEqual([
      'app.events',
    ]);
    expect(got.get('app.orders')?.figures.rows).toBe(1);
  });

  test.each([
    ['date', ['2025-03-01', '2025-03-02']],
    ['timestamp', ['2025-03-01T12:00:00', '2025-03-02T00:00:00']],
  ])('is taken by the column’s own measure: %s', async (type, within) => {
    await db.sql.unsafe(`
      ALTER TABLE app.events ALTER at DROP DEFAULT, ALTER at TYPE ${type} USING at AT TIME ZONE 'UTC';
      DELETE FROM app.events WHERE user_id = 'u-1';
      INSERT INTO app.events (user_id, at) VALUES ('u-1', '2025-02-28 23:00'), ('u-1', '2025-03-01 12:00'), ('u-1', '2025-03-02')`);
    const got = await exportAll(db.connector(), batchOf([[{ type: 'user_id', value: ['u-1'] }]]), { since });
    expect(valuesOf(got, 'app.events', 'at')).toEqual(within);
  });

  test('cuts no table of which some rows cannot tell: it is whole, and says so', async () => {
    const settings = withTables({ table: 'app.events', subject: 'note' });
    await db.sql.unsafe(
      `CREATE INDEX ON app.events (note); INSERT INTO app.events (user_id, at, note) VALUES ('u-1', '2020-01-01', 'x')`,
    );
    const got = await exportAll(db.connector({}, settings), batchOf([user(1)]), { since });
    expect(got.get('app.events')?.table.windowed).toBe(false);
    expect(valuesOf(got, 'app.events', 'note')).toEqual(['note', 'note', 'x']);
  });
});

describe('categories', () => {
  test('are the tables and columns that hold something, with meaning and rows, and no value of any', async () => {
    await db.sql`UPDATE app.events SET note = NULL WHERE user_id = 'a-1'`;
    const got = await exportAll(db.connector(), batchOf([user(1)]), { scope: 'categories' });
    const whole = await exportAll(db.connector(), batchOf([user(1)]));
    expect([...got.keys()]).toEqual([...whole].filter(([, { figures }]) => figures.rows > 0).map(([table]) => table));
    expect(got.get('app.events')).toMatchObject({
      text: '',
      figures: { rows: 2, bytes: 0 },
      table: {
        meaning: 'What was done and when.',
        columns: [
          { name: 'event_id', filled: 2 },
          { name: 'user_id', filled: 2 },
          { name: 'at', filled: 2 },
          { name: 'note', filled: 1, meaning: 'A remark.' },
        ],
      },
    });
    expect(got.get('app.users')?.table.columns.map(({ name }) => name)).not.toContain('deleted_at');
    const told = JSON.stringify([...got.values()]);
    for (const value of ['u-1', 'a-1', 'User1', 'berlin', 'name 1', 'street 1', 'nice', '"note"]'])
      expect(told).not.toContain(value);
  });

  test('of somebody of whom there is nothing are none', async () => {
    expect((await exportAll(db.connector(), batchOf([user('nobody')]), { scope: 'categories' })).size).toBe(0);
  });

  test('follow the window', async () => {
    const options = { scope: 'categories', since: new Date('2027-01-01') } as const;
    expect((await exportAll(db.connector(), batchOf([user(1)]), options)).has('app.events')).toBe(false);
  });
});

test('sources are the columns that the data map names, in the rows where they say something, and nothing else', async () => {
  await db.sql`UPDATE app.order_items SET sku = NULL WHERE order_id = 1 AND line = 2`;
  const got = await exportAll(db.connector(), batchOf([user(1), user(2)]), { scope: 'sources' });
  expect([...got.keys()]).toEqual(['app.order_items']);
  expect(got.get('app.order_items')?.table.columns).toEqual([
    { name: 'sku', type: 'text', meaning: null, source: true },
  ]);
  expect(rowsOf(got, 'app.order_items')).toEqual([{ sku: 'sku' }, { sku: 'sku' }, { sku: 'sku' }]);
});

describe('CSV', () => {
  const csv = async (settings = SETTINGS, of = user(1)) =>
    exportAll(db.connector({}, settings), batchOf([of]), { format: 'csv' });
  const records = (text: string): Record<string, string>[] => parse(text, { columns: true });

  test('has a header also where there is no row, and counts rows without it', async () => {
    const got = await csv(SETTINGS, user('nobody'));
    expect(got.get('app.events')?.text).toBe('event_id,user_id,at,note\n');
    expect(got.get('app.events')?.figures.rows).toBe(0);
    expect((await csv()).get('app.events')?.figures.rows).toBe(2);
  });

  test('has an apostrophe before what would be a formula, in text and in nothing else', async () => {
    const starts = ['=1+1', '+1', '-1', '@x', '\tx', '\rx', '＝1', '＋1', '－1', '＠x'];
    const harmless = ["'=1", 'a=1', ' =1', '', 'a\nb "c", d', '5', 'ä-1'];
    await db.sql`DELETE FROM app.events WHERE user_id = 'u-1' OR user_id = 'a-1'`;
    await db.sql.unsafe(`ALTER TABLE app.events ADD n numeric, ADD j jsonb, ADD d interval, ADD "=x" text`);
    for (const note of [...starts, ...harmless])
      await db.sql`INSERT INTO app.events (user_id, note, n, j, d) VALUES ('u-1', ${note}, -5.50, '-5', '-1 day')`;
    const got = await csv();
    const events = records(got.get('app.events')?.text ?? '');
    expect(events.map((row) => row['note'])).toEqual([...starts.map((text) => `'${text}`), ...harmless]);
    for (const row of events) expect(row).toMatchObject({ n: '-5.50', j: '-5', d: 'P-1D', "'=x": '' });
    expect(got.get('app.events')?.figures.rows).toBe(starts.length + harmless.length);
  });

  test('tells an empty text from nothing', async () => {
    await db.sql`UPDATE app.users SET name = '', unit = NULL WHERE user_id = 'u-1'`;
    const [, row] = ((await csv()).get('app.users')?.text ?? '').split('\n');
    expect(row).toMatch(/^u-1,[0-9a-f-]{36},User1@x\.test,,"",$/);
  });
});
