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

let db: Fixture;
beforeEach(async () => {
  db = await fixture(6);
});
afterEach(() => db.close());

describe('export since a date', () => {
  const since = new Date('2025-03-01T12:00:00Z');

  test('excludes older rows, includes rows without a time and reports which tables it restricts', async () => {
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
  ])('compares a time column of type %s in its own type', async (type, within) => {
    await db.sql.unsafe(`
      ALTER TABLE app.events ALTER at DROP DEFAULT, ALTER at TYPE ${type} USING at AT TIME ZONE 'UTC';
      DELETE FROM app.events WHERE user_id = 'u-1';
      INSERT INTO app.events (user_id, at) VALUES ('u-1', '2025-02-28 23:00'), ('u-1', '2025-03-01 12:00'), ('u-1', '2025-03-02')`);
    const got = await exportAll(db.connector(), batchOf([[{ type: 'user_id', value: ['u-1'] }]]), { since });
    expect(valuesOf(got, 'app.events', 'at')).toEqual(within);
  });

  test('exports a table in full when one of its entries has no time column', async () => {
    const settings = withTables({ table: 'app.events', subject: 'note' });
    await db.sql.unsafe(
      `CREATE INDEX ON app.events (note); INSERT INTO app.events (user_id, at, note) VALUES ('u-1', '2020-01-01', 'x')`,
    );
    const got = await exportAll(db.connector({}, settings), batchOf([user(1)]), { since });
    expect(got.get('app.events')?.table.windowed).toBe(false);
    expect(valuesOf(got, 'app.events', 'note')).toEqual(['note', 'note', 'x']);
  });
});

describe('export of categories', () => {
  test('lists tables and columns that have values, with wording and counts, but no value', async () => {
    await db.sql`UPDATE app.events SET note = NULL WHERE user_id = 'a-1'`;
    const got = await exportAll(db.connector(), batchOf([user(1)]), { scope: 'categories' });
    const full = await exportAll(db.connector(), batchOf([user(1)]));
    expect([...got.keys()]).toEqual([...full].filter(([, { figures }]) => figures.rows > 0).map(([table]) => table));
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
    const text = JSON.stringify([...got.values()]);
    for (const value of ['u-1', 'a-1', 'User1', 'berlin', 'name 1', 'street 1', 'nice', '"note"]'])
      expect(text).not.toContain(value);
  });

  test('lists no table for an unknown subject', async () => {
    expect((await exportAll(db.connector(), batchOf([user('unknown')]), { scope: 'categories' })).size).toBe(0);
  });

  test('applies the date to the counts', async () => {
    const options = { scope: 'categories', since: new Date('2027-01-01') } as const;
    expect((await exportAll(db.connector(), batchOf([user(1)]), options)).has('app.events')).toBe(false);
  });
});

test('exports only the columns under sources, of rows in which they have a value', async () => {
  await db.sql`UPDATE app.order_items SET sku = NULL WHERE order_id = 1 AND line = 2`;
  const got = await exportAll(db.connector(), batchOf([user(1), user(2)]), { scope: 'sources' });
  expect([...got.keys()]).toEqual(['app.order_items']);
  expect(got.get('app.order_items')?.table.columns).toEqual([
    { name: 'sku', type: 'text', meaning: null, source: true },
  ]);
  expect(rowsOf(got, 'app.order_items')).toEqual([{ sku: 'sku' }, { sku: 'sku' }, { sku: 'sku' }]);
});

describe('export as CSV', () => {
  const csv = async (settings = SETTINGS, of = user(1)) =>
    exportAll(db.connector({}, settings), batchOf([of]), { format: 'csv' });
  const records = (text: string): Record<string, string>[] => parse(text, { columns: true });

  test('has a header when there are no rows and does not count it as a row', async () => {
    const got = await csv(SETTINGS, user('unknown'));
    expect(got.get('app.events')?.text).toBe('event_id,user_id,at,note\n');
    expect(got.get('app.events')?.figures.rows).toBe(0);
    expect((await csv()).get('app.events')?.figures.rows).toBe(2);
  });

  test('adds an apostrophe before text that a spreadsheet would execute', async () => {
    const starts = ['=1+1', '+1', '-1', '@x', '\tx', '\rx', '＝1', '＋1', '－1', '＠x', "'=1", ' =1', '|x'];
    const harmless = ['a=1', '', 'a\nb "c", d', '5', 'ä-1'];
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

  test('distinguishes an empty text from NULL', async () => {
    await db.sql`UPDATE app.users SET name = '', unit = NULL WHERE user_id = 'u-1'`;
    const [, row] = ((await csv()).get('app.users')?.text ?? '').split('\n');
    expect(row).toMatch(/^u-1,[0-9a-f-]{36},User1@x\.test,,"",$/);
  });
});
