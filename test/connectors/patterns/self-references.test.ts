import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('replies to replies', () => {
  const member: KindMap = { table: 't.member', key: { column: 'member_no', match: 'integer' } };
  const own: TableMap = { table: 't.reply', subject: { column: 'member_no', match: 'key' } };
  const answers = { table: 't.reply', via: { table: 't.reply', on: { parent_id: 'id' } } } as const;

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA t;
      CREATE TABLE t.member(member_no int PRIMARY KEY, mail text);
      CREATE TABLE t.reply(id int PRIMARY KEY, member_no int REFERENCES t.member, parent_id int REFERENCES t.reply, body text);
      CREATE INDEX ON t.reply(member_no); CREATE INDEX ON t.reply(parent_id);
      INSERT INTO t.member SELECT i FROM generate_series(1,3) i;
      INSERT INTO t.reply VALUES (1,1,NULL,'own'),(2,1,1,'own on own'),(3,2,1,'other on own'),(4,3,3,'third'),(5,2,NULL,'o'),(6,1,5,'own on other')`);
  });

  test('deletes the replies of the person and detaches the replies of others', async () => {
    const map = { ...member, tables: [own, { ...answers, detach: { parent_id: null } }] };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({
      figures: { 't.member': { removed: 1 }, 't.reply': { removed: 3, detached: 1 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT * FROM t.reply ORDER BY id')).toEqual([
      [3, 2, null, 'other on own'],
      [4, 3, 3, 'third'],
      [5, 2, null, 'o'],
    ]);
  });

  test('counts a reply as removed, and not as detached, when another range of the batch deletes it', async () => {
    const map = { ...member, tables: [own, { ...answers, detach: { parent_id: null } }] };
    const { figures } = await db.remove(map, [1, 2]);
    expect(figures).toEqual({ 't.member': { removed: 2 }, 't.reply': { removed: 5, detached: 1 } });
    expect(await db.rows('SELECT * FROM t.reply')).toEqual([[4, 3, null, 'third']]);
  });

  test('deletes the whole thread below the replies of the person when it belongs to them', async () => {
    const map = { ...member, tables: [own, { ...answers, export: false } as const] };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({
      figures: { 't.member': { removed: 1 }, 't.reply': { removed: 5 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT id FROM t.reply')).toEqual([[5]]);
  });

  test('rejects a map without an entry for the replies of others', async () => {
    const errors = await db.check({ ...member, tables: [own] });
    expect(errors).toEqual([
      expect.stringMatching(
        /^kinds\.user\.tables\.0: t\.reply references t\.reply by parent_id .*would block the deletion; add .* with detach/,
      ),
    ]);
  });

  test('rejects null for a reference that is NOT NULL', async () => {
    await db.sql`UPDATE t.reply SET parent_id = coalesce(parent_id, id)`;
    await db.sql`ALTER TABLE t.reply ALTER parent_id SET NOT NULL`;
    const errors = await db.check({ ...member, tables: [own, { ...answers, detach: { parent_id: null } }] });
    expect(errors).toEqual([
      expect.stringMatching(/^kinds\.user\.tables\.1\.detach: parent_id is NOT NULL; use a constant/),
    ]);
  });
});

test('detaches the colleagues of two deleted managers once, without those that are deleted', async () => {
  db = await pattern(`
    CREATE SCHEMA t;
    CREATE TABLE t.staff(staff_no int PRIMARY KEY, reports_to int REFERENCES t.staff); CREATE INDEX ON t.staff(reports_to);
    INSERT INTO t.staff VALUES (2,NULL),(3,2),(4,2),(5,2)`);
  const map: KindMap = {
    table: 't.staff',
    key: { column: 'staff_no', match: 'integer' },
    tables: [{ table: 't.staff', subject: { column: 'reports_to', match: 'key' }, detach: { reports_to: null } }],
  };
  expect(await db.check(map)).toEqual([]);
  expect(await db.remove(map, [2, 3])).toEqual({ figures: { 't.staff': { removed: 2, detached: 2 } }, survivors: 0 });
  expect(await db.rows('SELECT * FROM t.staff ORDER BY 1')).toEqual([
    [4, null],
    [5, null],
  ]);
});

describe('folders with ON DELETE actions', () => {
  const USR = { table: 'f.usr', key: { column: 'id', match: 'integer' } } as const;
  const folder: TableMap = { table: 'f.folder', subject: { column: 'usr', match: 'key' } };
  const doc: TableMap = { table: 'f.doc', subject: { column: 'usr', match: 'key' } };
  const detached: TableMap[] = [
    { table: 'f.folder', via: { table: 'f.folder', on: { parent: 'fid' } }, detach: { parent: null } },
    { table: 'f.doc', via: { table: 'f.folder', on: { folder: 'fid' } }, detach: { folder: null } },
    { table: 'f.log', via: { table: 'f.doc', on: { doc: 'did' } }, detach: { doc: null } },
    { table: 'f.setting', subject: { column: 'changed_by', match: 'key' }, detach: { changed_by: null } },
  ];

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA f;
      CREATE TABLE f.usr(id int PRIMARY KEY);
      CREATE TABLE f.folder(fid int PRIMARY KEY, usr int NOT NULL REFERENCES f.usr ON DELETE CASCADE, parent int REFERENCES f.folder ON DELETE CASCADE);
      CREATE TABLE f.doc(did int PRIMARY KEY, usr int NOT NULL REFERENCES f.usr ON DELETE CASCADE, folder int REFERENCES f.folder ON DELETE SET NULL);
      CREATE TABLE f.log(lid int PRIMARY KEY, doc int REFERENCES f.doc ON DELETE SET NULL);
      CREATE TABLE f.setting(sid int PRIMARY KEY, changed_by int REFERENCES f.usr ON DELETE SET NULL);
      CREATE INDEX ON f.folder(usr); CREATE INDEX ON f.folder(parent); CREATE INDEX ON f.doc(usr); CREATE INDEX ON f.doc(folder);
      CREATE INDEX ON f.log(doc); CREATE INDEX ON f.setting(changed_by);
      INSERT INTO f.usr VALUES (1),(2);
      INSERT INTO f.folder VALUES (10,1,NULL),(11,1,10),(12,2,11),(13,2,NULL),(14,1,13);
      INSERT INTO f.doc VALUES (100,1,10),(101,2,11),(102,2,13),(103,1,13);
      INSERT INTO f.log VALUES (1,100),(2,102),(3,103);
      INSERT INTO f.setting VALUES (1,1),(2,2)`);
  });

  const REST = {
    folder: [
      [12, 2, null],
      [13, 2, null],
    ],
    doc: [
      [101, 2, null],
      [102, 2, 13],
    ],
    log: [
      [1, null],
      [2, 102],
      [3, null],
    ],
    setting: [
      [1, null],
      [2, 2],
    ],
  };
  async function rest(): Promise<Record<string, unknown[][]>> {
    const tables = ['folder', 'doc', 'log', 'setting'];
    return Object.fromEntries(
      await Promise.all(
        tables.map(async (table) => [table, await db.rows(`SELECT * FROM f.${table} ORDER BY 1`)] as const),
      ),
    );
  }
  const FIGURES = {
    'f.usr': { removed: 1 },
    'f.folder': { removed: 3, detached: 1 },
    'f.doc': { removed: 2, detached: 1 },
    'f.log': { detached: 2 },
    'f.setting': { detached: 1 },
  };

  test('detaches the rows of others before the database would change or delete them', async () => {
    const map: KindMap = { ...USR, tables: [folder, doc, ...detached] };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({ figures: FIGURES, survivors: 0 });
    expect(await rest()).toEqual(REST);
  });

  test('counts what the acknowledged actions of the database change', async () => {
    const [folderEntry, docEntry] = detached;
    const map: KindMap = {
      ...USR,
      onDelete: [{ table: 'f.setting', constraint: 'setting_changed_by_fkey' }],
      tables: [
        { ...folder, onDelete: [{ table: 'f.doc', constraint: 'doc_folder_fkey' }] },
        { ...doc, onDelete: [{ table: 'f.log', constraint: 'log_doc_fkey' }] },
        ...(folderEntry === undefined ? [] : [folderEntry]),
      ],
    };
    expect(docEntry?.table).toBe('f.doc');
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({ figures: FIGURES, survivors: 0 });
    expect(await rest()).toEqual(REST);
  });

  test('takes the folders of others along, counted, when they belong to the folders of the person', async () => {
    const below: TableMap = { table: 'f.folder', via: { table: 'f.folder', on: { parent: 'fid' } }, export: false };
    const map: KindMap = { ...USR, tables: [folder, doc, below, ...detached.slice(1)] };
    expect(await db.check(map)).toEqual([]);
    const { figures, survivors } = await db.remove(map, [1]);
    expect({ folder: figures['f.folder'], survivors }).toEqual({ folder: { removed: 4 }, survivors: 0 });
    expect((await rest())['folder']).toEqual([[13, 2, null]]);
  });

  test.each([
    ['setting_changed_by_fkey', { ...USR, tables: [folder, doc, ...detached.slice(0, 3)] }],
    ['log_doc_fkey', { ...USR, tables: [folder, doc, ...detached.filter(({ table }) => table !== 'f.log')] }],
    ['doc_folder_fkey', { ...USR, tables: [folder, doc, ...detached.filter(({ table }) => table !== 'f.doc')] }],
    ['folder_parent_fkey', { ...USR, tables: [folder, doc, ...detached.slice(1)] }],
    ['folder_usr_fkey', { ...USR, tables: [doc, ...detached.slice(2)] }],
  ])('names %s when no entry finds its rows', async (constraint, map: KindMap) => {
    const errors = await db.check(map);
    expect(errors).toEqual(expect.arrayContaining([expect.stringContaining(`(${constraint})`)]));
    expect(errors.filter((error) => !error.includes(constraint) && !error.startsWith('kinds: '))).toEqual([]);
  });
});
