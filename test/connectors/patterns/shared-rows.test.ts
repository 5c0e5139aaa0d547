import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { batchOf, deletion, rowsOf, testContext } from '../fixture.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
beforeEach(async () => {
  db = await pattern(`
    CREATE TABLE doc (id int PRIMARY KEY, body text, source text, copied_from int REFERENCES doc);
    CREATE TABLE page (id int PRIMARY KEY, doc int NOT NULL REFERENCES doc, body text);
    CREATE TABLE usr (id int PRIMARY KEY, doc int REFERENCES doc);
    CREATE TABLE post (id int PRIMARY KEY, author int NOT NULL REFERENCES usr, cover int REFERENCES doc);
    CREATE INDEX ON page (doc); CREATE INDEX ON usr (doc); CREATE INDEX ON post (author); CREATE INDEX ON post (cover);
    CREATE INDEX ON doc (copied_from);
    INSERT INTO doc VALUES (1, 'own', 'form', NULL), (2, 'shared', 'form', NULL), (3, 'copy', 'form', 1), (4, 'of post', 'form', NULL);
    INSERT INTO page VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 2, 'c');
    INSERT INTO usr VALUES (1, 2), (2, NULL), (3, 2), (4, 1), (5, 3);
    INSERT INTO post VALUES (1, 2, 2), (2, 4, 4), (3, 5, 4)`);
});
afterEach(() => db.close());

const byUser = { table: 'usr', on: { id: 'doc' } };
const byPost = { table: 'post', on: { id: 'cover' } };
const posts = { table: 'post', subject: { column: 'author', match: 'key' as const } };
const pages = { table: 'page', via: { table: 'doc', on: { doc: 'id' } } };
const mapOf = (...tables: NonNullable<KindMap['tables']>): KindMap => ({
  table: 'usr',
  key: { column: 'id', match: 'integer' },
  tables,
});
const documents = { table: 'doc', referencedBy: byUser, sharedWith: [byPost] };

describe('a document that several persons refer to', () => {
  const map = mapOf(posts, documents, pages);

  test('goes with the last of them, in another range, and with all of its pages', async () => {
    expect((await db.count(map, [1, 3, 2])).tables).toEqual({
      'public.usr': 3,
      'public.post': 1,
      'public.doc': 1,
      'public.page': 2,
    });
    const { figures, survivors } = await db.remove(map, [1, 3, 2]);
    expect(figures).toEqual({
      'public.usr': { removed: 3 },
      'public.post': { removed: 1 },
      'public.doc': { removed: 1 },
      'public.page': { removed: 2 },
    });
    expect(survivors).toBe(0);
    expect(await db.rows('SELECT id FROM page')).toEqual([[1]]);
  });

  test('stays with its pages when one of them stays, and is exported with its pages', async () => {
    const exported = await db.export(map, [1]);
    expect(rowsOf(exported, 'public.doc').map(({ id }) => id)).toEqual([2]);
    expect(rowsOf(exported, 'public.page').map(({ id }) => id)).toEqual([2, 3]);
    expect((await db.remove(map, [1, 2])).survivors).toBe(0);
    expect(await db.rows('SELECT id FROM doc ORDER BY 1')).toEqual([[1], [2], [3], [4]]);
    expect(await db.rows('SELECT count(*)::int FROM page')).toEqual([[3]]);
  });

  test('keeps its columns in a part deletion', async () => {
    const sources = mapOf(posts, { ...documents, sources: ['source'] }, pages);
    const connector = await db.connector(sources);
    const batch = batchOf([4, 1].map((id) => [{ type: 'id', value: [String(id)] }]));
    await connector.hardDelete(batch, deletion({ scope: 'sources' }), testContext());
    expect(await db.rows('SELECT id, source FROM doc ORDER BY 1')).toEqual([
      [1, null],
      [2, 'form'],
      [3, 'form'],
      [4, 'form'],
    ]);
    expect(await connector.verify(batch, 'sources', testContext())).toMatchObject({ survivors: 0 });
  });
});

describe('a retained document', () => {
  const map = mapOf(
    { ...posts, retain: { basis: 'archive', reassign: 0 } },
    { table: 'doc', referencedBy: byPost, sharedWith: [byUser], retain: { basis: 'archive', blank: ['body'] } },
  );

  beforeEach(() => db.sql`INSERT INTO usr VALUES (0, NULL)`);

  test('is blanked when no other person refers to it, also when its persons are in two ranges', async () => {
    expect((await db.count(map, [5, 4])).tables).toEqual({ 'public.usr': 2, 'public.post': 2, 'public.doc': 1 });
    const { figures, survivors } = await db.remove(map, [5, 4]);
    expect(figures['public.doc']).toEqual({ retained: 1 });
    expect(survivors).toBe(0);
    expect(await db.rows('SELECT body FROM doc WHERE id = 4')).toEqual([[null]]);
  });

  test('keeps its columns when another person refers to it', async () => {
    const { figures, survivors } = await db.remove(map, [4]);
    expect(figures['public.doc']).toBeUndefined();
    expect(survivors).toBe(0);
    expect(await db.rows('SELECT body FROM doc WHERE id = 4')).toEqual([['of post']]);
  });
});

describe('a document that another one refers to', () => {
  const byCopy = { table: 'doc', on: { id: 'copied_from' } };

  test('stays, also when its table is one of those that share it', async () => {
    const map = mapOf(posts, { ...documents, sharedWith: [byPost, byCopy] });
    await db.sql`DELETE FROM page`;
    expect((await db.remove(map, [4])).survivors).toBe(0);
    expect(await db.rows('SELECT id FROM doc ORDER BY 1')).toEqual([[1], [2], [3], [4]]);
  });

  test('is a config error of referencedBy, which names via', async () => {
    const map = mapOf(posts, documents, { table: 'doc', referencedBy: byCopy });
    await expect(db.connector(map)).rejects.toThrow(/is the table of this entry; use via: \{ table: 'public\.doc'/);
  });
});
