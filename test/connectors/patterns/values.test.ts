import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import { type Pattern, pattern } from './pattern.ts';

let db: Pattern;
beforeEach(async () => {
  db = await pattern(`
    CREATE TABLE place(place_id int PRIMARY KEY);
    CREATE TABLE usr(usr_id int PRIMARY KEY, name varchar(8) NOT NULL, login text UNIQUE, born date, place_id int REFERENCES place);
    CREATE UNIQUE INDEX usr_name ON usr (lower(name));
    CREATE TABLE task(task_id int PRIMARY KEY, owner int UNIQUE REFERENCES usr, status int, title text); CREATE INDEX ON task(owner);
    INSERT INTO place VALUES (0),(1); INSERT INTO usr VALUES (0,'none','none',NULL,1),(1,'Ann','ann',NULL,1)`);
});
afterEach(() => db.close());

const usr: KindMap = { table: 'usr', key: { column: 'usr_id', match: 'integer' } };
const tasks = { table: 'task', subject: { column: 'owner', match: 'key' } } as const;

describe('inspect() of the values of a data map', () => {
  test.each<[string, NonNullable<KindMap['anonymise']>, RegExp]>([
    [
      'null for a column that is NOT NULL',
      { name: null },
      /^kinds\.user\.anonymise\.name: name is NOT NULL; use a constant/,
    ],
    [
      'a text for a date',
      { born: 'gone' },
      /^kinds\.user\.anonymise\.born: born is date and cannot have the value "gone"/,
    ],
    [
      'a text that is too long',
      { name: 'anonymised' },
      /^kinds\.user\.anonymise\.name: name is character varying\(8\), so the value is too long/,
    ],
    [
      'a constant for a unique column',
      { login: 'gone' },
      /^kinds\.user\.anonymise\.login: login is unique \(usr_login_key\), so only one row can have the value/,
    ],
    [
      'a constant for a column with a unique expression',
      { name: 'gone' },
      /^kinds\.user\.anonymise\.name: name is unique \(usr_name\)/,
    ],
    [
      'a placeholder without the key for a unique column',
      { login: { placeholder: 'gone' } },
      /^kinds\.user\.anonymise\.login: login is unique/,
    ],
    [
      'a random date',
      { born: { random: true } },
      /^kinds\.user\.anonymise\.born: born is date; a random value needs a column of type text/,
    ],
    [
      'a reference to a row that does not exist',
      { place_id: 7 },
      /^kinds\.user\.anonymise\.place_id: public\.place has no row with place_id 7, to which place_id refers; insert it/,
    ],
  ])('rejects %s', async (_name, anonymise, error) => {
    const tables: TableMap[] = [
      { ...tasks, retain: { basis: 'map' } },
      { table: 'place', referencedBy: { table: 'usr', on: { place_id: 'place_id' } }, retain: { basis: 'map' } },
    ];
    expect(await db.check({ ...usr, anonymise, tables })).toEqual([expect.stringMatching(error)]);
  });

  test('accepts values that every row can have', async () => {
    const anonymise = {
      name: { placeholder: 'u{key}' },
      login: { random: true },
      born: '1900-01-01',
      place_id: 0,
    } as const;
    const map: KindMap = {
      ...usr,
      anonymise,
      tables: [
        { ...tasks, retain: { basis: 'map' } },
        { table: 'place', referencedBy: { table: 'usr', on: { place_id: 'place_id' } } },
      ],
    };
    expect(await db.check(map)).toEqual([]);
    expect(await db.remove(map, [1])).toMatchObject({ figures: { 'public.usr': { anonymised: 1 } }, survivors: 0 });
    expect(await db.rows('SELECT name, born::text, place_id FROM usr WHERE usr_id = 1')).toEqual([
      ['u1', '1900-01-01', 0],
    ]);
  });

  test('rejects a condition with a value that the column cannot have', async () => {
    const wrong = { ...tasks, where: { status: 'open' } };
    expect(await db.check({ ...usr, tables: [wrong, { ...tasks, detach: { owner: null } }] })).toEqual([
      expect.stringMatching(
        /^kinds\.user\.tables\.0\.where\.status: status is integer and cannot have the value "open"/,
      ),
    ]);
  });

  test('rejects a ghost that only one row can have', async () => {
    expect(await db.check({ ...usr, tables: [{ ...tasks, detach: { owner: { ghost: 0 } } }] })).toEqual([
      expect.stringMatching(/^kinds\.user\.tables\.0\.detach\.owner: owner is unique \(task_owner_key\)/),
    ]);
  });
});

test('reports no missing ghost in a database without rows', async () => {
  const map: KindMap = { ...usr, tables: [{ ...tasks, retain: { basis: 'law', reassign: 9 } }] };
  const connector = await db.connector(map);
  const messagesOf = async (schemaOnly: boolean) =>
    (await connector.inspect({ schemaOnly })).map(({ message }) => message);
  expect(await messagesOf(false)).toContainEqual(expect.stringMatching(/public\.usr has no ghost row with the key 9/));
  expect(await messagesOf(true)).not.toContainEqual(expect.stringMatching(/ghost/));
});
