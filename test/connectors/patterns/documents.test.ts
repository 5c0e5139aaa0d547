import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { rowsOf } from '../fixture.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
beforeEach(async () => {
  db = await pattern(`
    CREATE TABLE usr (tenant int, id int, name text, PRIMARY KEY (tenant, id));
    CREATE TABLE audit (id int PRIMARY KEY, entry json, note text);
    CREATE TABLE comment (id int PRIMARY KEY, tenant int, author int, post int, FOREIGN KEY (tenant, author) REFERENCES usr);
    CREATE TABLE post (id int PRIMARY KEY, tenant int, author int, FOREIGN KEY (tenant, author) REFERENCES usr);
    CREATE TABLE vote (id int PRIMARY KEY, comment int NOT NULL, tenant int, voter int, FOREIGN KEY (tenant, voter) REFERENCES usr);
    INSERT INTO usr VALUES (1, 1, 'Ann'), (1, 2, 'Bo'), (2, 1, 'Cy');
    INSERT INTO audit VALUES (1, '{"who": {"tenant": 1, "id": 1}, "ip": "x"}', 'a'), (2, '{"who": {"tenant": 2, "id": 1}}', 'b');
    INSERT INTO post VALUES (1, 1, 1), (2, 1, 2);
    INSERT INTO comment VALUES (1, 1, 2, 1), (2, 1, 1, 2);
    INSERT INTO vote VALUES (1, 1, 1, 2), (2, 2, 2, 1), (3, 1, 1, 1)`);
});
afterEach(() => db.close());

const mapOf = (...tables: NonNullable<KindMap['tables']>): KindMap => ({
  table: 'usr',
  key: { name: 'account', columns: ['tenant', 'id'], match: 'integer' },
  tables,
});
const who = ["entry->'who'->>'tenant'", "entry->'who'->>'id'"];

test.each([
  ['the rest stays', [], [{ who: { tenant: null, id: null }, ip: 'x' }, 'a']],
  ['the document is blanked', ['entry', 'note'], [null, null]],
])('unlinks two keys of one document when %s', async (_name, blank, expected) => {
  const map = mapOf({ table: 'audit', subject: { columns: who }, retain: { basis: 'law', blank, unlink: 'null' } });
  await db.sql`TRUNCATE vote, comment, post`;
  const removed = await db.remove(map, [[1, 1]]);
  expect(removed).toEqual({
    figures: { 'public.usr': { removed: 1 }, 'public.audit': { retained: 1 } },
    survivors: 0,
  });
  expect(await db.rows('SELECT entry, note FROM audit ORDER BY id')).toEqual([
    expected,
    [{ who: { tenant: 2, id: 1 } }, 'b'],
  ]);
});

test('does not export rows that belong to rows which it leaves out', async () => {
  const subject = (column: string) => ({ columns: ['tenant', column] });
  const map = mapOf(
    { table: 'post', subject: subject('author') },
    { table: 'comment', subject: subject('author') },
    { table: 'comment', via: { table: 'post', on: { post: 'id' } }, export: false },
    { table: 'vote', via: { table: 'comment', on: { comment: 'id' } } },
  );
  const exported = await db.export(map, [[1, 1]]);
  expect(rowsOf(exported, 'public.comment').map(({ id }) => id)).toEqual([2]);
  // Vote 1 is about a comment of another person, and vote 2 about a comment of the subject.
  expect(rowsOf(exported, 'public.vote').map(({ id }) => id)).toEqual([2]);
  expect((await db.count(map, [[1, 1]])).tables['public.vote']).toBe(3);
});
