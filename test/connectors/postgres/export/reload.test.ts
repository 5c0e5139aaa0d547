import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../../connectors/postgres/settings.ts';
import { type Fixture, SETTINGS, batchOf, exportAll, fixture, user } from '../../fixture.ts';

const { user: map } = SETTINGS.kinds;
const settings: PostgresSettings = {
  ...SETTINGS,
  kinds: {
    user: { ...map, table: 'app.users', key: 'user_id', tables: [{ table: 'app.things', subject: 'user_id' }] },
  },
};

type Column = readonly [column: string, type: string, values: fc.Arbitrary<string | null>];
const from = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values);

/** One column for each type whose text is easily damaged, with such values. */
const COLUMNS: readonly Column[] = [
  ['words', 'text', text()],
  ['short', 'varchar(20)', text(20)],
  ['wide', 'char(8)', text(8)],
  ['"a ""b\\ c"', 'text', text()],
  // The alias of the rows in the statement.
  ['exported', 'text', text(3)],
  ['exact', 'numeric', fc.oneof(from('NaN', 'Infinity', '-0.10', '1e-20', '9'.repeat(90)), fc.bigInt().map(String))],
  ['single', 'real', fc.oneof(from('NaN', 'Infinity', '-0', '1e-45'), fc.float({ noNaN: true }).map(String))],
  ['double', 'float8', fc.oneof(from('NaN', '-Infinity', '-0', '5e-324'), fc.double({ noNaN: true }).map(String))],
  ['large', 'int8', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)],
  ['bytes', 'bytea', fc.uint8Array({ maxLength: 40 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`)],
  ['timestamp', 'timestamptz', timestamp('+05:30')],
  ['local', 'timestamp', timestamp('')],
  ['day', 'date', from('infinity', '-infinity', '0044-03-15 BC', '2024-02-29', '5874897-12-31')],
  ['moment', 'timetz', from('23:59:60-15:59', '00:00:00.000001+13', '24:00:00Z')],
  ['span', 'interval', from('1 mon -1 day 00:00:00.000001', '-3 days -04:05:06', '1 year 2 mons -3 days 04:05:06')],
  ['truth', 'boolean', from('true', 'false')],
  ['doc', 'jsonb', json()],
  // The type json keeps spaces and line ends between its tokens.
  ['raw', 'json', json().map((written) => `\t\r\n${written}\n\r\n`)],
  ['raws', 'json[]', fc.array(json(), { maxLength: 3 }).map((list) => array(list.map((each) => `{"k":\n${each}\n}`)))],
  ['list', 'text[]', fc.array(fc.option(text()), { maxLength: 4 }).map(array)],
  ['grid', 'int[]', from('{}', '{{1,2},{3,4}}', '{NULL,-1}')],
  [
    'times',
    'tstzrange',
    from('empty', '(,)', '["2024-01-02 03:04:05.678901+00",infinity)', '(,"2024-02-03 00:00+13"]'),
  ],
  ['place', 'point', from('(1.5,-2)', '(NaN,Infinity)')],
  // A type of an extension, whose JSON it cannot read back.
  ['pairs', 'hstore', from('', '"a"=>"1", "b"=>NULL', '"a \\"b\\" =>"=>"{}"')],
  ['lists', 'hstore[]', from('{}', array(['"a"=>"1"', null]), '{{"a=>1"},{"b=>2"}}')],
  ['net', 'cidr', from('10.0.0.0/8', '2001:db8::/32')],
  ['flags', 'bit varying', from('', '1', '0101')],
  ['mood', 'app.mood', from('=so', 'a "b"\\', '')],
  ['pair', 'app.pair', from('(,)', '(1,"a ""b"" \\\\ ,")')],
];

/** Strings with the special characters of COPY, CSV, JSON and arrays. */
function text(maxLength = 60): fc.Arbitrary<string> {
  const marks = fc.constantFrom(
    '\\',
    '"',
    '\n',
    '\r',
    '\t',
    '\u0001',
    '\u0002',
    '\\.',
    '\\N',
    '\u007f',
    ',',
    '{',
    '\u2028',
    '😀',
  );
  const whole = fc.array(fc.oneof(marks, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 20 });
  return whole.map((parts) => Array.from(parts.join('').replaceAll('\0', '')).slice(0, maxLength).join(''));
}
function timestamp(zone: string): fc.Arbitrary<string> {
  const date = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true });
  return fc.oneof(
    fc.constantFrom('infinity', '-infinity', '4713-01-01 00:00:00 BC', '294276-12-30 23:59:59.999999'),
    date.map((at) => `${at.toISOString().slice(0, -1)}${zone}`),
  );
}
function array(list: readonly (string | null)[]): string {
  const parts = list.map((part) => (part === null ? 'NULL' : `"${part.replaceAll(/["\\]/g, (mark) => `\\${mark}`)}"`));
  return `{${parts.join(',')}}`;
}

/** Excludes JSON null, which equals NULL in a JSON row, and NUL, which PostgreSQL does not support. */
function json(): fc.Arbitrary<string> {
  return fc
    .json()
    .filter((written) => written !== 'null')
    .map((written) => written.replaceAll(String.raw`\u0000`, 'x'));
}

/** Compares text, because json and point have no equality and -0 equals 0. Casts json to jsonb to ignore spaces. */
const COMPARED = `ROW(id, user_id, ${COLUMNS.map(([column]) => (column.startsWith('raw') ? `to_jsonb(${column})` : column)).join(', ')})::text`;

let db: Fixture;
beforeAll(async () => {
  db = await fixture(1, settings);
  await db.sql.unsafe(`
    CREATE EXTENSION hstore;
    CREATE TYPE app.mood AS ENUM ('=so', 'a "b"\\', ''); CREATE TYPE app.pair AS (n int, t text);
    CREATE TABLE app.things (id int PRIMARY KEY, user_id text, ${COLUMNS.map(([column, type]) => `${column} ${type}`).join(', ')});
    CREATE INDEX ON app.things (user_id)`);
  // Database settings whose text output does not load again.
  for (const setting of [
    `DateStyle = 'German, DMY'`,
    'extra_float_digits = 0',
    `bytea_output = 'escape'`,
    `IntervalStyle = 'sql_standard'`,
    `TimeZone = 'Asia/Kathmandu'`,
  ])
    await db.sql.unsafe(`ALTER DATABASE ${new URL(db.url).pathname.slice(1)} SET ${setting}`);
});
afterAll(() => db.close());

const row = fc.tuple(...COLUMNS.map(([, , values]) => fc.option(values, { freq: 6 })));

test('exports NDJSON that loads again to the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), async (rows) => {
      await db.sql.unsafe('TRUNCATE app.things');
      const places = COLUMNS.map(([, type], index) => `$${index + 3}::text::${type}`).join(', ');
      for (const [id, values] of rows.entries())
        await db.sql.unsafe(`INSERT INTO app.things VALUES ($1::int, $2, ${places})`, [id, 'u-1', ...values]);
      const got = await exportAll(db.connector({}, settings), batchOf([user(1)]));
      const text = got.get('app.things')?.text ?? '';
      expect(text.split('\n')).toHaveLength(rows.length + 1);
      await db.sql.begin(async (tx) => {
        // The loading session has other settings.
        await tx.unsafe(
          `SET LOCAL extra_float_digits = 1; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL DateStyle = 'ISO, MDY'`,
        );
        await tx.unsafe(`CREATE TEMP TABLE again (LIKE app.things) ON COMMIT DROP`);
        for (const line of text.split('\n').slice(0, -1))
          await tx`INSERT INTO again SELECT * FROM json_populate_record(NULL::again, ${line}::text::json)`;
        for (const [some, others] of [
          ['again', 'app.things'],
          ['app.things', 'again'],
        ])
          expect(
            await tx.unsafe(`SELECT ${COMPARED} FROM ${some} EXCEPT ALL SELECT ${COMPARED} FROM ${others}`),
          ).toEqual([]);
      });
    }),
    { numRuns: 60 },
  );
});
