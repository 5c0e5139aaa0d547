import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';
import { byIdentities, matchesOf, resolveAll } from '../fixture.ts';

let db: Pattern;
afterEach(() => db.close());

describe('rows that must stay with a NOT NULL key of the person', () => {
  const users: KindMap = {
    table: 'o.users',
    key: { column: 'id', match: 'integer' },
    identities: { email: { column: 'email' } },
  };
  const changesets = { table: 'o.changesets', subject: { column: 'user_id', match: 'key' } } as const;

  beforeEach(async () => {
    db = await pattern(`
      CREATE SCHEMA o;
      CREATE TABLE o.users(id bigint PRIMARY KEY, email text NOT NULL UNIQUE, display_name text NOT NULL, picture uuid, born date);
      CREATE TABLE o.changesets(cid bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES o.users); CREATE INDEX ON o.changesets(user_id);
      INSERT INTO o.users VALUES (0,'ghost@x.test','deleted user',NULL,NULL),(1,'a@x.test','Ann',gen_random_uuid(),'1990-01-01'),(2,'b@x.test','Bob',gen_random_uuid(),NULL);
      INSERT INTO o.changesets VALUES (1,1),(2,1),(3,2),(4,0)`);
  });

  test('hands the rows to a ghost', async () => {
    const map: KindMap = { ...users, tables: [{ ...changesets, retain: { basis: 'public map', reassign: 0 } }] };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toEqual({
      figures: { 'o.users': { removed: 1 }, 'o.changesets': { retained: 2 } },
      survivors: 0,
    });
    expect(await db.rows('SELECT cid::int, user_id::int FROM o.changesets ORDER BY 1')).toEqual([
      [1, 0],
      [2, 0],
      [3, 2],
      [4, 0],
    ]);
  });

  test('leaves the ghost and its rows when a request names the ghost', async () => {
    const map: KindMap = { ...users, tables: [{ ...changesets, retain: { basis: 'public map', reassign: 0 } }] };
    expect(await db.remove(map, [0])).toEqual({ figures: {}, survivors: 0 });
    expect(await db.count(map, [0])).toEqual({ tables: { 'o.users': 0, 'o.changesets': 0 }, presentSeqs: [] });
    const connector = await db.connector(map);
    const facts = await resolveAll(
      connector,
      byIdentities({ type: 'id', value: ['0'] }, { type: 'email', value: ['ghost@x.test'] }),
    );
    expect(facts).toEqual([]);
    expect(await db.rows('SELECT count(*)::int FROM o.users')).toEqual([[3]]);
  });

  test('rejects a ghost that does not exist', async () => {
    const errors = await db.check({
      ...users,
      tables: [{ ...changesets, retain: { basis: 'public map', reassign: 99 } }],
    });
    expect(errors).toEqual([expect.stringMatching(/^kinds\.user: o\.users has no ghost row with the key 99/)]);
  });

  test('keeps the row of the person, anonymised', async () => {
    const map: KindMap = {
      ...users,
      anonymise: {
        email: { placeholder: 'user-{key}@deleted.invalid' },
        display_name: 'deleted',
        picture: { random: true },
        born: null,
      },
      tables: [{ ...changesets, retain: { basis: 'public map' } }],
    };
    expect(await db.check(map)).toEqual([]);
    expect((await db.count(map, [1])).tables).toEqual({ 'o.users': 1, 'o.changesets': 2 });
    const before = await db.rows('SELECT picture FROM o.users WHERE id = 1');
    expect(await db.remove(map, [1])).toEqual({
      figures: {
        'o.users': { anonymised: 1, columns: ['born', 'display_name', 'email', 'picture'] },
        'o.changesets': { retained: 2 },
      },
      survivors: 0,
    });
    expect(await db.rows('SELECT id::int, email, display_name, born FROM o.users WHERE id = 1')).toEqual([
      [1, 'user-1@deleted.invalid', 'deleted', null],
    ]);
    const after = await db.rows('SELECT picture FROM o.users WHERE id = 1');
    expect(after).not.toEqual(before);
    expect(await db.rows('SELECT user_id::int FROM o.changesets ORDER BY cid')).toEqual([[1], [1], [2], [0]]);
  });

  test('finds a value again that the application wrote after the deletion', async () => {
    const map: KindMap = {
      ...users,
      anonymise: { email: { placeholder: 'user-{key}@x.invalid' } },
      tables: [{ ...changesets, retain: { basis: 'public map' } }],
    };
    await db.sql`CREATE FUNCTION o.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email := OLD.email; RETURN NEW; END'`;
    await db.sql`CREATE TRIGGER keep BEFORE UPDATE ON o.users FOR EACH ROW EXECUTE FUNCTION o.keep()`;
    expect((await db.remove(map, [1])).survivors).toBe(1);
  });

  test('resolves an anonymised row no more, and counts nothing for it', async () => {
    const map: KindMap = {
      ...users,
      anonymise: { email: { placeholder: 'user-{key}@x.invalid' } },
      tables: [{ ...changesets, retain: { basis: 'public map', reassign: 0 } }],
    };
    await db.remove(map, [1]);
    const connector = await db.connector(map);
    const facts = await resolveAll(connector, byIdentities({ type: 'id', value: ['1'] }, { type: 'id', value: ['2'] }));
    expect(matchesOf(facts)).toEqual(['1 2']);
    expect(await db.count(map, [1])).toEqual({ tables: { 'o.users': 0, 'o.changesets': 0 }, presentSeqs: [] });
    expect((await db.remove(map, [1])).figures).toEqual({});
  });

  test.each([
    [
      'null',
      { basis: 'map', unlink: 'null' } as const,
      /user_id is NOT NULL; .*ALTER TABLE .*DROP NOT NULL.*retain\.reassign/,
    ],
    ['a pseudonym', { basis: 'map', unlink: 'pseudonym' } as const, /a foreign key cannot hold a pseudonym.*ghost/],
    ['nothing', { basis: 'map' }, /whose rows are deleted; user_id is NOT NULL: set retain\.reassign.*anonymise/],
  ])('names the ways out when the reference becomes %s', async (_name, retain, expected) => {
    expect(await db.check({ ...users, tables: [{ ...changesets, retain }] })).toEqual([
      expect.stringMatching(expected),
    ]);
  });
});
