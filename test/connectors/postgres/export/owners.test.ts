import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExportFormat } from '../../../../domain/vocabulary.ts';
import { type Fixture, batchOf, exportAll, fixture, user, withTables } from '../../fixture.ts';

const settings = withTables(
  { table: 'app.participants', subject: 'user_id' },
  { table: 'app.messages', subject: 'sender' },
  { table: 'app.messages', subject: 'recipient', where: { copied: true } },
  { table: 'app.memos', subject: { contains: 'readers', match: 'key' } },
  { table: 'app.comments', subject: 'user_id' },
  { table: 'app.comments', via: { table: 'app.comments', on: { parent: 'comment' } } },
  { table: 'app.photos', referencedBy: { table: 'app.participants', on: { photo: 'photo' } } },
);
let db: Fixture;
beforeAll(async () => {
  db = await fixture(6, settings);
  await db.sql.unsafe(`
    CREATE TABLE app.photos (photo int PRIMARY KEY, text text);
    CREATE TABLE app.participants (user_id text, photo int REFERENCES app.photos, remark text);
    CREATE INDEX ON app.participants (user_id); CREATE INDEX ON app.participants (photo);
    CREATE TABLE app.messages (sender text, recipient text, copied boolean, text text);
    CREATE INDEX ON app.messages (sender); CREATE INDEX ON app.messages (recipient);
    CREATE TABLE app.memos (memo int PRIMARY KEY, readers text[]); CREATE INDEX ON app.memos USING gin (readers);
    CREATE TABLE app.comments (comment int PRIMARY KEY, parent int REFERENCES app.comments, user_id text, text text);
    CREATE INDEX ON app.comments (parent); CREATE INDEX ON app.comments (user_id);
    INSERT INTO app.photos SELECT n, 'photo ' || n FROM generate_series(1, 6) n;
    INSERT INTO app.participants SELECT 'u-' || n, n, E'"quoted",\\nline' FROM generate_series(1, 6) n;
    INSERT INTO app.participants VALUES ('u-1', 2, 'of two');
    INSERT INTO app.messages VALUES ('u-1', 'u-2', true, 'both'), ('u-1', 'u-3', false, 'only the sender'),
      ('u-4', 'u-1', true, NULL), ('u-9', 'u-2', true, ''), ('u-9', 'u-9', true, 'of others');
    INSERT INTO app.memos VALUES (1, '{u-1,u-2,u-9}'), (2, '{u-3,u-3}'), (3, '{u-9}'), (4, '{}');
    INSERT INTO app.comments VALUES (1, NULL, 'u-1', 'root'), (2, 1, 'u-2', 'answer'), (3, 2, 'u-9', 'below'), (4, NULL, 'u-9', 'x');
    INSERT INTO app.order_items SELECT n, 3, E'sku "\\n' || n FROM generate_series(1, 6) n`);
});
afterAll(() => db.close());

const COUNT = 5;
const subjects = Array.from({ length: COUNT }, (_, index) => user(index + 1));
const seqs = subjects.map((_, index) => index + 1);

/** The rows of each table that belong to a subject, in one text per row, in alphabetical order. */
async function rowsOf(batch: ReturnType<typeof batchOf>, seq: number, format: ExportFormat) {
  const got = await exportAll(db.connector({}, settings), batch, { format });
  return new Map(
    [...got].map(([table, { blocks }]) => {
      const own = blocks.filter(({ owners }) => owners.includes(seq));
      expect(blocks.filter(({ owners }) => owners.length === 0)).toHaveLength(format === 'csv' ? 1 : 0);
      expect(blocks.flatMap(({ owners }) => owners)).not.toContain(0);
      const rows = own.map(({ bytes }) => bytes.toString()).join('');
      return [table, { rows: rows.split('\n').toSorted(), count: own.reduce((sum, each) => sum + each.rows, 0) }];
    }),
  );
}

test.each(['ndjson', 'csv'] as const)(
  'names the owners of each row, which has them alone as well, in %s',
  async (format) => {
    for (const seq of seqs) {
      const single = await rowsOf(batchOf([subjects[seq - 1] ?? []]), 1, format);
      expect(await rowsOf(batchOf(subjects), seq, format)).toEqual(single);
      for (const table of ['app.users', 'app.events', 'app.order_items', 'app.photos', 'app.newsletter', 'app.aliases'])
        expect([table, single.get(table)?.count]).not.toEqual([table, 0]);
    }
  },
);

test('exports a row of several subjects once with all of its owners', async () => {
  const got = await exportAll(db.connector({}, settings), batchOf(subjects));
  const owned = (table: string) =>
    (got.get(table)?.blocks ?? []).map(({ owners, rows }) => `${owners.join(' ')}: ${rows}`).toSorted();
  expect(owned('app.messages')).toEqual(['1 2: 1', '1 4: 1', '1: 1', '2: 1']);
  expect(owned('app.memos')).toEqual(['1 2: 1', '3: 1']);
  expect(owned('app.comments')).toEqual(['1 2: 2', '1: 1']);
  expect(owned('app.photos')).toEqual(['1 2: 1', '1: 1', '3: 1', '4: 1', '5: 1']);
});

test('joins many subjects without nested loops, because the batch table has no statistics', async () => {
  const statementsOf = async (count: number) => {
    db.statements.length = 0;
    const many = Array.from({ length: count }, (_, index) => user(index + 1));
    const got = await exportAll(db.connector({}, settings), batchOf(many));
    expect(got.get('app.users')?.figures.rows).toBe(6);
    return db.statements.filter((sql) => sql.includes('enable_nestloop'));
  };
  expect(await statementsOf(999)).toEqual([]);
  expect(await statementsOf(1_000)).toEqual(['SET LOCAL enable_nestloop = off']);
});
