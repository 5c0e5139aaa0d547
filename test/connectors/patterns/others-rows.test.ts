import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { batchOf, deletion, exportAll, rowsOf, testContext, valuesOf } from '../fixture.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('clients of a representative', () => {
  const map: KindMap = {
    table: 's.staff',
    key: { column: 'staff_no', match: 'integer' },
    tables: [{ table: 's.client', subject: { column: 'rep', match: 'key' }, detach: { rep: null } }],
  };
  const clients = (): Promise<Pattern> =>
    pattern(`
      CREATE SCHEMA s;
      CREATE TABLE s.staff(staff_no int PRIMARY KEY, mail text);
      CREATE TABLE s.client(client_no int PRIMARY KEY, name text, phone text, rep int REFERENCES s.staff); CREATE INDEX ON s.client(rep);
      INSERT INTO s.staff VALUES (3,'rep@x.test'); INSERT INTO s.client SELECT i,'Client '||i,'555-'||i,3 FROM generate_series(1,19) i`);

  test('excludes the clients from exports and counts', async () => {
    db = await clients();
    expect(await db.check(map)).toEqual([]);
    const exported = await db.export(map, [3]);
    expect([...exported.keys()]).toEqual(['s.staff']);
    expect(valuesOf(exported, 's.staff', 'mail')).toEqual(['rep@x.test']);
    expect(await db.count(map, [3])).toEqual({ tables: { 's.staff': 1 }, presentSeqs: [1] });
    expect(await db.count(map, [4])).toEqual({ tables: { 's.staff': 0 }, presentSeqs: [] });
  });

  test('removes the representative of the clients and nothing else', async () => {
    db = await clients();
    expect(await db.remove(map, [3])).toEqual({
      figures: { 's.staff': { removed: 1 }, 's.client': { detached: 19 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT count(*)::int, count(rep)::int, count(phone)::int FROM s.client')).toEqual([
      [19, 0, 19],
    ]);
  });
});

describe('a polymorphic link', () => {
  const account: KindMap = { table: 'd.account', key: { column: 'account_no', match: 'integer' } };
  const post = { table: 'd.post', subject: { column: 'account_no', match: 'key' } } as const;
  const comments = { table: 'd.comment', via: { table: 'd.post', on: { target_id: 'id' } } } as const;
  const author = { table: 'd.comment', subject: { column: 'author', match: 'key' } } as const;

  const posts = (): Promise<Pattern> =>
    pattern(`
      CREATE SCHEMA d;
      CREATE TABLE d.account(account_no bigint PRIMARY KEY);
      CREATE TABLE d.post(id bigint PRIMARY KEY, account_no bigint REFERENCES d.account); CREATE INDEX ON d.post(account_no);
      CREATE TABLE d.comment(id bigint PRIMARY KEY, target_type text, target_id bigint, author bigint REFERENCES d.account);
      CREATE INDEX ON d.comment(author); CREATE INDEX ON d.comment(target_id);
      INSERT INTO d.account VALUES (1),(2); INSERT INTO d.post VALUES (7,1);
      INSERT INTO d.comment VALUES (1,'Post',7,2),(2,'Account',7,2),(3,NULL,7,2),(4,'Page',7,2),(5,'Account',8,1)`);

  test.each([
    ['one value', { target_type: 'Post' }, [2, 3, 4]],
    ['several values', { target_type: ['Post', 'Page'] }, [2, 3]],
    ['null', { target_type: null }, [1, 2, 4]],
    ['a value or null', { target_type: ['Post', null] }, [2, 4]],
  ])('takes only the rows that meet a condition of %s', async (_name, where, left) => {
    db = await posts();
    const map: KindMap = { ...account, tables: [post, { ...comments, where, export: false }, author] };
    expect(await db.check(map)).toEqual([]);
    const counted = await db.count(map, [1]);
    const exported = await db.export(map, [1]);
    expect(rowsOf(exported, 'd.comment')).toEqual([{ id: 5, target_type: 'Account', target_id: 8, author: 1 }]);
    const removed = 5 - left.length;
    expect(counted.tables['d.comment']).toBe(removed);
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'd.account': { removed: 1 }, 'd.post': { removed: 1 }, 'd.comment': { removed } },
      survivors: 0,
    });
    expect(await db.rows('SELECT id FROM d.comment ORDER BY 1')).toEqual(left.map((id) => [String(id)]));
  });

  test('rejects a condition on a column that does not exist', async () => {
    db = await posts();
    const errors = await db.check({ ...account, tables: [post, { ...comments, where: { kind: 'Post' } }, author] });
    expect(errors).toEqual(['kinds.user.tables.1.where: d.comment has no column kind']);
  });
});

describe('columns that never leave', () => {
  test('excludes omitted columns from exports, and deletes their rows', async () => {
    db = await pattern(`
      CREATE SCHEMA c;
      CREATE TABLE c.users(id bigint PRIMARY KEY, email text, password_hash text);
      CREATE TABLE c.sessions(sid bigint PRIMARY KEY, user_id bigint REFERENCES c.users, token text); CREATE INDEX ON c.sessions(user_id);
      INSERT INTO c.users VALUES (1,'a@x.test','CANARY-HASH'); INSERT INTO c.sessions VALUES (1,1,'CANARY-TOKEN')`);
    const map: KindMap = {
      table: 'c.users',
      key: { column: 'id', match: 'integer' },
      omit: ['password_hash'],
      tables: [{ table: 'c.sessions', subject: { column: 'user_id', match: 'key' }, omit: ['token'] }],
    };
    expect(await db.check(map)).toEqual([]);
    const exported = await db.export(map, [1]);
    expect(rowsOf(exported, 'c.users')).toEqual([{ id: 1, email: 'a@x.test' }]);
    expect(rowsOf(exported, 'c.sessions')).toEqual([{ sid: 1, user_id: 1 }]);
    expect(exported.get('c.users')?.table.columns.map(({ name }) => name)).toEqual(['id', 'email']);
    expect((await db.remove(map, [1])).figures).toEqual({ 'c.users': { removed: 1 }, 'c.sessions': { removed: 1 } });
  });
});

describe('an alias that leads to two subjects', () => {
  const map: KindMap = {
    table: 'l.users',
    key: 'user_id',
    aliases: { table: 'l.aliases', alias: 'alias', subject: 'user_id' },
  };
  const links = `SELECT alias, user_id FROM l.aliases ORDER BY 1, 2`;

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA l;
      CREATE TABLE l.users(user_id text PRIMARY KEY);
      CREATE TABLE l.aliases(alias text, user_id text, PRIMARY KEY (alias, user_id)); CREATE INDEX ON l.aliases(user_id);
      INSERT INTO l.users VALUES ('u-1'),('u-2');
      INSERT INTO l.aliases VALUES ('device','u-1'),('device','u-2'),('device','u-gone'),('phone','u-2'),('device','tablet'),('tablet','u-1')`);
  });
  const identities = [
    { type: 'user_id', value: ['u-2'] },
    { type: 'alias', value: ['device'] },
  ];

  test('exports and deletes only the links of the subject, and links that lead to no subject', async () => {
    const connector = await db.connector(map);
    const batch = batchOf([identities]);
    const exported = rowsOf(await exportAll(connector, { ...batch, batch: 'e1' }), 'l.aliases');
    expect(exported.map(({ alias, user_id }) => `${String(alias)} ${String(user_id)}`).toSorted()).toEqual([
      'device u-2',
      'device u-gone',
      'phone u-2',
    ]);
    await connector.hardDelete(batch, deletion(), testContext());
    expect(await db.rows(links)).toEqual([
      ['device', 'tablet'],
      ['device', 'u-1'],
      ['tablet', 'u-1'],
    ]);
    expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  });

  test('deletes the links of both when both are in the batch', async () => {
    const connector = await db.connector(map);
    const first = [
      { type: 'user_id', value: ['u-1'] },
      { type: 'alias', value: ['device'] },
    ];
    await connector.hardDelete(batchOf([first, identities]), deletion(), testContext());
    expect(await db.rows(links)).toEqual([]);
  });
});
