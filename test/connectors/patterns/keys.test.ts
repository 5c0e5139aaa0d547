import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../connectors/postgres/index.ts';
import { byIdentities, matchesOf, requestId, resolveAll, rowsOf, testContext } from '../fixture.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
afterEach(() => db.close());

describe('a composite key', () => {
  const map: KindMap = {
    table: 'm.users',
    key: { name: 'account', columns: ['tenant_id', 'user_id'], match: 'exact' },
    identities: { email: { columns: ['tenant_id', 'email'], match: 'caseInsensitive' } },
    softDelete: { column: 'deleted_at' },
    tables: [
      { table: 'm.orders', subject: { columns: ['tenant_id', 'user_id'] } },
      {
        table: 'm.tickets',
        subject: { columns: ['tenant_id', 'opened_by'] },
        retain: { basis: 'contract', unlink: 'null' },
      },
      { table: 'm.pages', subject: { columns: ['tenant_id', 'approved_by'] }, detach: { approved_by: null } },
    ],
  };
  const segments: Partial<PostgresSettings> = {
    segments: { table: 'm.segment', segment: 'name', subject: ['tenant_id', 'user_id'] },
  };

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA m;
      CREATE TABLE m.users(tenant_id text, user_id text, email text, deleted_at timestamptz, PRIMARY KEY (tenant_id, user_id));
      CREATE INDEX ON m.users (lower(tenant_id), lower(email));
      CREATE TABLE m.orders(tenant_id text, order_id int, user_id text NOT NULL, PRIMARY KEY (tenant_id, order_id), FOREIGN KEY (tenant_id, user_id) REFERENCES m.users);
      CREATE INDEX ON m.orders(tenant_id, user_id);
      CREATE TABLE m.tickets(tenant_id text NOT NULL, ticket_id int, opened_by text, FOREIGN KEY (tenant_id, opened_by) REFERENCES m.users);
      CREATE INDEX ON m.tickets(tenant_id, opened_by);
      CREATE TABLE m.pages(tenant_id text NOT NULL, page_id int, approved_by text, FOREIGN KEY (tenant_id, approved_by) REFERENCES m.users);
      CREATE INDEX ON m.pages(tenant_id, approved_by);
      CREATE TABLE m.segment(name text, tenant_id text, user_id text, PRIMARY KEY (name, tenant_id, user_id));
      INSERT INTO m.users VALUES ('a','1','Ann@x.test'),('a','2','bob@x.test'),('b','1','ann@x.test'),('b','2','eve@x.test');
      INSERT INTO m.orders VALUES ('a',1,'1'),('a',2,'2'),('b',1,'1');
      INSERT INTO m.tickets VALUES ('a',1,'1'),('a',2,'2'),('b',3,'1');
      INSERT INTO m.pages VALUES ('a',1,'1'),('b',2,'1');
      INSERT INTO m.segment VALUES ('vip','a','1'),('vip','b','2'),('vip','b','x')`);
  });

  const ignore = [{ table: 'm.segment', reason: 'names of groups' }];

  test('deletes only the rows of its tenant', async () => {
    expect(await db.check(map, { ignore })).toEqual([]);
    expect((await db.count(map, [['a', '1']])).tables).toEqual({ 'm.users': 1, 'm.orders': 1, 'm.tickets': 1 });
    expect(await db.remove(map, [['a', '1']])).toEqual({
      figures: {
        'm.users': { removed: 1 },
        'm.orders': { removed: 1 },
        'm.tickets': { retained: 1 },
        'm.pages': { detached: 1 },
      },
      survivors: 0,
    });
    expect(await db.rows('SELECT tenant_id, user_id FROM m.users ORDER BY 1, 2')).toEqual([
      ['a', '2'],
      ['b', '1'],
      ['b', '2'],
    ]);
    expect(await db.rows('SELECT * FROM m.tickets ORDER BY 2')).toEqual([
      ['a', 1, null],
      ['a', 2, '2'],
      ['b', 3, '1'],
    ]);
    expect(await db.rows('SELECT * FROM m.pages ORDER BY 2')).toEqual([
      ['a', 1, null],
      ['b', 2, '1'],
    ]);
    expect(rowsOf(await db.export(map, [['b', '1']]), 'm.orders')).toEqual([
      { tenant_id: 'b', order_id: 1, user_id: '1' },
    ]);
  });

  test('resolves identities, segments and everyone to pairs', async () => {
    const connector = await db.connector(map, segments);
    const facts = await resolveAll(
      connector,
      byIdentities(
        { type: 'account', value: ['a', '2'] },
        { type: 'email', value: ['B', 'ANN@x.test'] },
        { type: 'account', value: ['2', 'a'] },
      ),
    );
    expect(matchesOf(facts)).toEqual(['0 a|2', '1 b|1']);
    const identities = facts
      .filter((fact) => fact.fact === 'identity')
      .map(({ key, identity }) => [key.value, identity.value]);
    expect(identities).toContainEqual([
      ['b', '1'],
      ['b', 'ann@x.test'],
    ]);
    const vip = await resolveAll(connector, { requestId: requestId(), kind: 'user', by: 'segment', segment: 'vip' });
    expect(matchesOf(vip)).toEqual(['null a|1', 'null b|2']);
    const everyone = await resolveAll(connector, { requestId: requestId(), kind: 'user', by: 'everyone' });
    expect(matchesOf(everyone)).toHaveLength(4);
  });

  test('hides and restores one tenant’s subject', async () => {
    const connector = await db.connector(map);
    const batch = { identities: [{ type: 'account', value: ['a', '1'] }] };
    const change = { hidden: true, generation: 1, at: new Date('2026-01-01T00:00:00Z') };
    const selected = {
      requestId: requestId(),
      kind: 'user',
      batch: 'g1',
      firstSeq: 1,
      lastSeq: 1,
      size: 1,
      identities: async function* () {
        yield batch.identities.map((identity) => ({ seq: 1, identity }));
      },
      foreignIds: async function* () {},
    } as const;
    await connector.setVisibility?.(selected, change, testContext());
    expect(await db.rows('SELECT tenant_id, user_id FROM m.users WHERE deleted_at IS NOT NULL')).toEqual([['a', '1']]);
    await connector.setVisibility?.(
      { ...selected, batch: 'g2' },
      { ...change, hidden: false, generation: 2 },
      testContext(),
    );
    expect(await db.rows('SELECT count(deleted_at)::int FROM m.users')).toEqual([[0]]);
  });

  test('rejects a subject with another number of columns', async () => {
    await expect(db.check({ ...map, tables: [{ table: 'm.orders', subject: 'user_id' }] })).resolves.toEqual([
      'kinds.user.tables.0.subject.columns: must have 2 columns, in the order of tenant_id, user_id',
    ]);
  });
});

describe('keys inside documents and arrays', () => {
  const users: KindMap = { table: 'j.users', key: { column: 'id', match: 'integer' } };

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA j;
      CREATE TABLE j.users(id int PRIMARY KEY, name text);
      CREATE TABLE j.hooks(hid int PRIMARY KEY, payload jsonb, raw json);
      CREATE INDEX ON j.hooks ((payload->>'user_id')); CREATE INDEX ON j.hooks ((payload->'actor'->>'id'));
      CREATE TABLE j.doc(did int PRIMARY KEY, owner int REFERENCES j.users, reader_ids int[], tags text[]);
      CREATE INDEX ON j.doc (owner); CREATE INDEX ON j.doc USING gin (reader_ids);
      INSERT INTO j.users VALUES (0,'ghost'),(1,'a'),(2,'b'),(11,'c');
      INSERT INTO j.hooks (hid, payload) VALUES (1,'{"user_id":1,"x":"y"}'),(2,'{"user_id":"2","actor":{"id":1}}'),(3,'{"actor":{"id":"11"}}'),(4,'{"user_id":null}'),(5,NULL);
      INSERT INTO j.doc (did, owner, reader_ids) VALUES (1,1,'{1,2}'),(2,2,'{2,1,11,1,NULL}'),(3,11,'{11}'),(4,2,NULL),(5,2,'{}')`);
  });

  test('finds rows by a key of a document, and detaches by setting it to null', async () => {
    const map: KindMap = {
      ...users,
      tables: [
        { table: 'j.hooks', subject: { column: "payload->>'user_id'", match: 'key' } },
        {
          table: 'j.hooks',
          subject: { column: "payload->'actor'->>'id'", match: 'key' },
          detach: { "payload->'actor'->>'id'": null },
        },
        { table: 'j.doc', subject: { column: 'owner', match: 'key' } },
      ],
    };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'j.users': { removed: 1 }, 'j.hooks': { removed: 1, detached: 1 }, 'j.doc': { removed: 1 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT hid, payload FROM j.hooks ORDER BY 1')).toEqual([
      [2, { user_id: '2', actor: { id: null } }],
      [3, { actor: { id: '11' } }],
      [4, { user_id: null }],
      [5, null],
    ]);
  });

  test.each([
    ['null', null, '{2,11,NULL}'],
    ['a ghost', { ghost: 0 }, '{2,0,11,0,NULL}'],
  ])('removes the key from the arrays of others when it becomes %s', async (_name, to, left) => {
    const map: KindMap = {
      ...users,
      tables: [
        { table: 'j.doc', subject: { column: 'owner', match: 'key' } },
        { table: 'j.doc', subject: { contains: 'reader_ids', match: 'key' }, detach: { reader_ids: to } },
      ],
    };
    expect(await db.check(map, { ignore: [{ table: 'j.hooks', reason: 'test' }] })).toEqual([]);
    expect((await db.count(map, [1])).tables).toEqual({ 'j.users': 1, 'j.doc': 1 });
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'j.users': { removed: 1 }, 'j.doc': { removed: 1, detached: 1 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT did, reader_ids::text FROM j.doc ORDER BY 1')).toEqual([
      [2, left],
      [3, '{11}'],
      [4, null],
      [5, '{}'],
    ]);
  });

  test('deletes and exports the rows whose array has the key', async () => {
    const map: KindMap = { ...users, tables: [{ table: 'j.doc', subject: { contains: 'reader_ids', match: 'key' } }] };
    expect(rowsOf(await db.export(map, [11]), 'j.doc').map(({ did }) => did)).toEqual([2, 3]);
    expect(await db.count(map, [11])).toEqual({ tables: { 'j.users': 1, 'j.doc': 2 }, presentSeqs: [1] });
    await db.sql`UPDATE j.doc SET owner = NULL`;
    expect((await db.remove(map, [11])).figures).toEqual({ 'j.users': { removed: 1 }, 'j.doc': { removed: 2 } });
  });

  test.each([
    [
      "payload->>'user_id' of a column that is no document",
      { column: "tags->>'x'", match: 'key' } as const,
      /j\.doc has no column tags->>'x'/,
    ],
    [
      'contains of a column that is no array',
      { contains: 'owner', match: 'key' } as const,
      /owner is integer; contains needs an array/,
    ],
  ])('rejects %s', async (_name, subject, expected) => {
    const errors = await db.check({ ...users, tables: [{ table: 'j.doc', subject }] });
    expect(errors).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });
});
