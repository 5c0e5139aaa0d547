import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
beforeEach(async () => {
  db = await pattern(`
    CREATE TABLE usr (id int PRIMARY KEY);
    CREATE TABLE folder (id int PRIMARY KEY, owner int NOT NULL REFERENCES usr ON DELETE CASCADE,
      parent int CONSTRAINT folder_parent REFERENCES folder ON DELETE CASCADE);
    CREATE TABLE doc (id int PRIMARY KEY, folder int CONSTRAINT doc_folder REFERENCES folder ON DELETE SET NULL);
    CREATE TABLE share (id int PRIMARY KEY, folder int NOT NULL CONSTRAINT share_folder REFERENCES folder ON DELETE CASCADE);
    CREATE TABLE share_log (id int PRIMARY KEY, share int REFERENCES share ON DELETE CASCADE);
    CREATE TABLE invite (id int PRIMARY KEY, sent_by int CONSTRAINT invite_sent_by REFERENCES usr ON DELETE SET NULL, owner int REFERENCES usr);
    INSERT INTO usr VALUES (1), (2), (3);
    INSERT INTO folder VALUES (1, 1, NULL), (2, 2, 1), (3, 2, 2), (4, 1, 3), (5, 2, NULL);
    INSERT INTO doc VALUES (1, 1), (2, 2), (3, 3), (4, 5);
    INSERT INTO share VALUES (1, 3), (2, 5);
    INSERT INTO share_log VALUES (1, 1), (2, 1), (3, 2);
    INSERT INTO invite VALUES (1, 1, 2), (2, 1, 3)`);
});
afterEach(() => db.close());

const actions = (...names: readonly string[]) =>
  names.map((constraint) => ({ table: constraint.replace(/_.*/, ''), constraint }));

const folders: KindMap = {
  table: 'usr',
  key: { column: 'id', match: 'integer' },
  tables: [
    {
      table: 'folder',
      subject: { column: 'owner', match: 'key' },
      onDelete: actions('folder_parent', 'doc_folder', 'share_folder'),
    },
  ],
};

describe('a data map with ON DELETE actions that follow each other', () => {
  const removed = { 'public.usr': 1, 'public.folder': 4, 'public.share': 1, 'public.share_log': 2 };

  test('counts their rows at every depth, also in tables that it does not list', async () => {
    await db.sql.unsafe('ALTER TABLE invite DROP CONSTRAINT invite_sent_by, DROP CONSTRAINT invite_owner_fkey');
    expect((await db.count(folders, [1])).tables).toEqual(removed);
    const { figures, survivors } = await db.remove(folders, [1]);
    expect(figures).toEqual({
      ...Object.fromEntries(Object.entries(removed).map(([table, rows]) => [table, { removed: rows }])),
      'public.doc': { detached: 3 },
    });
    expect(survivors).toBe(0);
    expect(await db.rows('SELECT id FROM folder')).toEqual([[5]]);
    expect(await db.rows('SELECT * FROM doc ORDER BY 1')).toEqual([
      [1, null],
      [2, null],
      [3, null],
      [4, 5],
    ]);
    expect(await db.rows('SELECT id FROM share_log')).toEqual([[3]]);
  });

  test('reports a config error when a row without an action would block them', async () => {
    await db.sql.unsafe('CREATE TABLE seal (share int REFERENCES share); CREATE INDEX ON seal (share)');
    expect(await db.check(folders)).toContainEqual(
      expect.stringMatching(/tables\.0\.onDelete\.2: .*seal references .*share by share .*would block the deletion/),
    );
  });
});

test('does not count a row that an action changes and another range deletes', async () => {
  const map: KindMap = {
    ...folders,
    onDelete: actions('invite_sent_by'),
    tables: [...(folders.tables ?? []), { table: 'invite', subject: { column: 'owner', match: 'key' } }],
  };
  const { figures } = await db.remove(map, [1, 2]);
  expect(figures['public.invite']).toEqual({ removed: 1, detached: 1 });
  expect(await db.rows('SELECT * FROM invite')).toEqual([[2, null, 3]]);
});
