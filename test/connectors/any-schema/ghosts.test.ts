import { afterEach, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from '../patterns/pattern.ts';

let db: Pattern;
afterEach(() => db.close());

test('asks for a ghost row in each tenant when only one has it', async () => {
  db = await pattern(`
    CREATE TABLE usr (tenant int, id int, PRIMARY KEY (tenant, id));
    CREATE TABLE post (id int PRIMARY KEY, tenant int, author int, FOREIGN KEY (tenant, author) REFERENCES usr);
    INSERT INTO usr VALUES (1, 0), (1, 1), (2, 1)`);
  const map: KindMap = {
    table: 'usr',
    key: { name: 'account', columns: ['tenant', 'id'], match: 'integer' },
    tables: [
      {
        table: 'post',
        subject: { columns: ['tenant', 'author'] },
        retain: { basis: 'archive', reassign: { author: 0 } },
      },
    ],
  };
  expect(await db.check(map)).toContainEqual(
    expect.stringMatching(/no ghost row with the key \*, 0, for each "tenant"/),
  );
  await db.sql`INSERT INTO usr VALUES (2, 0)`;
  expect((await db.check(map)).filter((error) => error.includes('ghost'))).toEqual([]);
});

test('never deletes a ghost row that the data map writes in another case', async () => {
  db = await pattern(`
    CREATE TABLE person (name text PRIMARY KEY); CREATE UNIQUE INDEX ON person (lower(name));
    CREATE TABLE essay (id int PRIMARY KEY, author text NOT NULL REFERENCES person); CREATE INDEX ON essay (lower(author));
    INSERT INTO person VALUES ('Ghost'), ('Ann'); INSERT INTO essay VALUES (1, 'Ann'), (2, 'Ghost')`);
  const map: KindMap = {
    table: 'person',
    key: { column: 'name', match: 'caseInsensitive' },
    tables: [
      { table: 'essay', subject: { column: 'author', match: 'key' }, retain: { basis: 'archive', reassign: 'Ghost' } },
    ],
  };
  expect((await db.count(map, ['ghost'])).presentSeqs).toEqual([]);
  expect((await db.remove(map, ['ghost', 'ann'])).figures).toEqual({
    'public.person': { removed: 1 },
    'public.essay': { retained: 1 },
  });
  expect(await db.rows('SELECT * FROM essay ORDER BY id')).toEqual([
    [1, 'Ghost'],
    [2, 'Ghost'],
  ]);
});
