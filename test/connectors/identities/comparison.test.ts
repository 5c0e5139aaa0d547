import { afterEach, describe, expect, test } from 'vitest';
import { canonicalValue, otherForms } from '../../../domain/identity-forms.ts';
import { batchOf, testContext } from '../fixture.ts';
import {
  type Column,
  LOCALES,
  NAMES,
  type People,
  deleteBy,
  idsByDatabase,
  mail,
  name,
  people,
  resolvedIds,
} from './people.ts';

let world: People;
afterEach(() => world.close());

const locales = Object.keys(LOCALES) as (keyof typeof LOCALES)[];
const CASES = [
  ...locales.flatMap((locale) => (['text', 'citext'] as const).map((column) => ({ locale, column }))),
  ...(['text COLLATE "C"', 'text COLLATE "tr-x-icu"'] as const).map((column) => ({
    locale: 'C.UTF-8' as const,
    column,
  })),
];
const formsOf = (text: string): string[] => [text, ...otherForms([text]).flat()];
/** The names as stored, in other Unicode forms, and in the case that JavaScript gives them. */
const SUBMITTED = [...new Set(NAMES.flatMap((each) => [...formsOf(each), each.toLowerCase(), each.toUpperCase()]))];
const mailOf = (each: string): string => `${each}@x.test`;

describe.each(CASES)('in $locale with $column', ({ locale, column }) => {
  const create = async (names = NAMES, as: Column = column) => (world = await people(LOCALES[locale], as, names));

  test('finds exactly the people that the column itself compares as equal, in one canonical form', async () => {
    await create();
    const mails = SUBMITTED.map(mailOf);
    const expected = await idsByDatabase(world, 'mail', mails);
    expect(await resolvedIds(world.connector, mails.map(mail))).toEqual(expected);
    expect(await resolvedIds(world.connector, SUBMITTED.map(name))).toEqual(
      await idsByDatabase(world, 'name', SUBMITTED),
    );
    for (const each of NAMES) expect(expected[SUBMITTED.indexOf(each)]).toContain(each);
    const canonical = (text: string) => canonicalValue('caseInsensitive', [text]);
    for (const [index, ids] of expected.entries())
      for (const id of ids) expect(canonical(mailOf(id))).toEqual(canonical(mails[index] ?? ''));
  });

  test('refuses a suppressed address in its stored spelling and in every Unicode form, and no other address', async () => {
    await create();
    const refused = async () => {
      const rows = await world.sql<{ id: string }[]>`
        SELECT id FROM app.people WHERE lethe_system.is_suppressed('user', 'mail', mail::text)`;
      return rows.map(({ id }) => id).toSorted();
    };
    for (const each of [
      '\u0130PEK',
      '\u039F\u0394\u039F\u03A3',
      '\u212Aelvin',
      'stra\u00DFe',
      'j\u00FCrgen',
      'Ju\u0308rgen2',
    ]) {
      const forms = formsOf(mailOf(each));
      await world.connector.setSuppression?.(batchOf([forms.map(mail)]), true, testContext());
      const equal = new Set((await idsByDatabase(world, 'mail', forms)).flat());
      expect(equal).toContain(each);
      expect(await refused()).toEqual([...equal].toSorted());
      for (const form of forms)
        expect([...(await world.sql`SELECT lethe_system.is_suppressed('user', 'mail', ${form}) AS is`)]).toEqual([
          { is: true },
        ]);
      await world.connector.setSuppression?.(batchOf([forms.map(mail)]), false, testContext());
      expect(await refused()).toEqual([]);
    }
  });
});

test.each(Object.entries(LOCALES))(
  'deletes the rows of one person in every spelling, and no other, in %s',
  async (_, locale) => {
    const names = NAMES.filter((each) => each !== 'IPEK');
    world = await people(locale, 'text', names);
    for (const id of names)
      for (const form of otherForms([id]).flat()) {
        await world.sql`INSERT INTO app.letters VALUES (${id}, ${mailOf(form)})`;
        await world.sql`INSERT INTO app.notes VALUES (${id}, ${form})`;
      }
    const deleted = ['\u0130PEK', '\u039F\u0394\u039F\u03A3', 'j\u00FCrgen', 'Ju\u0308rgen2', '\u212Bngstrom'];
    const rows = async () => [await world.ids(), await world.ids('letters'), await world.ids('notes')];
    for (const id of deleted) {
      const before = await rows();
      await deleteBy(world.connector, mail(mailOf(id)));
      expect(await rows()).toEqual(before.map((ids) => ids.filter((each) => each !== id)));
    }
  },
);

test('does not take another person for the one whose address has another Unicode form', async () => {
  const [composed, decomposed] = ['j\u00FCrgen', 'ju\u0308rgen'];
  world = await people(LOCALES['C.UTF-8'], 'text', [composed, decomposed]);
  expect(await resolvedIds(world.connector, [mail(mailOf(composed)), mail(mailOf(decomposed))])).toEqual([
    [composed],
    [decomposed],
  ]);
  await deleteBy(world.connector, mail(mailOf(decomposed)));
  expect([await world.ids(), await world.ids('letters'), await world.ids('notes')]).toEqual([
    [composed],
    [composed],
    [composed],
  ]);
});

test('gives every character the canonical form of its lower case, in every collation of the server', async () => {
  world = await people(LOCALES['C.UTF-8'], 'text', []);
  const collations = ['pg_c_utf8', 'pg_unicode_fast', 'C', 'C.utf8', 'und-x-icu', 'tr-x-icu', 'lt-x-icu', 'el-x-icu'];
  for (const collation of collations) {
    const rows = await world.sql.unsafe<{ given: string; lower: string }[]>(`
      SELECT given, lower(given COLLATE "${collation}") AS lower FROM (
        SELECT unnest(ARRAY[chr(code), 'a' || chr(code), chr(code) || U&'\\0301', chr(code) || 'b']) AS given
        FROM generate_series(65, 125000) AS code WHERE code NOT BETWEEN 55296 AND 57343) AS characters
      WHERE lower(given COLLATE "${collation}") <> given`);
    expect(rows.length).toBeGreaterThan(100);
    const other = rows.filter(
      ({ given, lower }) =>
        canonicalValue('caseInsensitive', [given])[0] !== canonicalValue('caseInsensitive', [lower])[0],
    );
    expect({ collation, other }).toEqual({ collation, other: [] });
  }
});

test('finds and deletes people in a database without Unicode, by every form of their addresses', async () => {
  world = await people(`LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'LATIN1'`, 'text', ['j\u00FCrgen', 'Ann']);
  for (const form of ['j\u00FCrgen', 'ju\u0308rgen'])
    expect(await resolvedIds(world.connector, [mail(mailOf(form)), mail(mailOf('ANN'))])).toEqual([
      ['j\u00FCrgen'],
      ['Ann'],
    ]);
  await deleteBy(world.connector, mail(mailOf('ju\u0308rgen')));
  expect([await world.ids(), await world.ids('letters'), await world.ids('notes')]).toEqual([
    ['Ann'],
    ['Ann'],
    ['Ann'],
  ]);
  const forms = formsOf(mailOf('j\u00FCrgen'));
  await world.connector.setSuppression?.(batchOf([forms.map(mail)]), true, testContext());
  expect([
    ...(await world.sql`SELECT lethe_system.is_suppressed('user', 'mail', ${forms[0] ?? ''}) AS is,
      lethe_system.is_suppressed('user', 'mail', 'Ann@x.test') AS other`),
  ]).toEqual([{ is: true, other: false }]);
});
