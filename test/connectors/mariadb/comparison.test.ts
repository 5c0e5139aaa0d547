import { describe, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { mariadbUrl } from '../../support/servers/mariadb.ts';
import { batchOf, deletion, exportAll, rowsOf, testContext } from '../calls.ts';
import { type Fixture, createFixture } from './fixture.ts';

const server = await mariadbUrl();

/** People by a text, and the letters that name them. */
const people = (type: string, names: readonly string[]): string => `
  CREATE TABLE person (name ${type} PRIMARY KEY);
  CREATE TABLE letter (id INT AUTO_INCREMENT PRIMARY KEY, name ${type}, KEY (name));
  INSERT INTO person VALUES ${names.slice(0, 1).map(quoted).join(', ')};
  INSERT INTO letter (name) VALUES ${names.map(quoted).join(', ')}`;
const quoted = (name: string): string => `('${name}')`;

const mapOf = (match: 'exact' | 'caseInsensitive'): KindMap => ({
  table: 'person',
  key: { column: 'name', match },
  tables: [{ table: 'letter', subject: 'name' }],
});

describe.skipIf(server === null)('comparison in MariaDB', () => {
  const open = (map: KindMap, schema: string): Promise<Fixture> =>
    createFixture(server ?? '', { pace: { share: 1 }, kinds: { user: map } }, schema);

  async function lettersAfter(db: Fixture, name: string): Promise<readonly string[]> {
    const batch = batchOf([[{ type: 'name', value: [name] }]]);
    const connector = db.connector();
    expect(await connector.inspect()).toEqual([]);
    await connector.hardDelete(batch, deletion(), testContext());
    expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    return (await db.database.rows<{ name: string }>('SELECT name FROM letter ORDER BY id')).map((row) => row.name);
  }

  test.each([
    [
      'finds other case, and no other accent, in a collation without both',
      'VARCHAR(40) COLLATE utf8mb4_general_ci',
      'caseInsensitive',
      ['jose', 'JOSE', 'jos\u00e9', 'joseph'],
      'Jose',
      ['jos\u00e9', 'joseph'],
    ],
    [
      'finds no other case in a binary collation',
      'VARCHAR(40) COLLATE utf8mb4_bin',
      'exact',
      ['jose', 'JOSE', 'jos\u00e9'],
      'jose',
      ['JOSE', 'jos\u00e9'],
    ],
    [
      'finds a text with blanks at its end in a collation that ignores them',
      'VARCHAR(40) COLLATE utf8mb4_bin',
      'exact',
      ['ann', 'ann  ', ' ann', 'anna'],
      'ann',
      [' ann', 'anna'],
    ],
    [
      'finds no text with blanks at its end in a collation that counts them',
      'VARCHAR(40) COLLATE utf8mb4_nopad_bin',
      'exact',
      ['ann', 'ann  ', ' ann'],
      'ann',
      ['ann  ', ' ann'],
    ],
    [
      'finds a text of another character set that has all its letters',
      'VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci',
      'caseInsensitive',
      ['\u00e4nne', '\u00c4NNE', 'anne'],
      '\u00c4nne',
      ['anne'],
    ],
    [
      'finds no row for a letter that a character set does not have',
      'VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin',
      'exact',
      ['?ukasz', 'x'],
      '\u0141ukasz',
      ['?ukasz', 'x'],
    ],
    ['finds a number only by its digits', 'BIGINT', 'integer', ['7', '8', '9'], '7', ['8', '9']],
  ] as const)('compares as the column does and %s', async (_title, type, match, names, name, left) => {
    const map: KindMap = { ...mapOf('exact'), key: { column: 'name', match } };
    const after = await lettersAfter(await open(map, people(type, names)), name);
    expect(after.map(String)).toEqual(left);
  });

  test('hides and suppresses a subject as its column compares', async () => {
    const db = await open(mapOf('caseInsensitive'), people('VARCHAR(40)', ['Ann', 'bo']));
    const connector = db.connector();
    const batch = batchOf([[{ type: 'name', value: ['ANN'] }]], { batch: 'g1' });
    await connector.setVisibility(batch, { hidden: true, generation: 1, at: new Date() }, testContext());
    await connector.setSuppression(batchOf([[{ type: 'name', value: ['ANN'] }]]), true, testContext());
    const [row] = await db.database.rows(
      `SELECT lethe_is_hidden('user', 'ann ') AS hidden, lethe_is_hidden('user', 'bo') AS other,
              lethe_is_suppressed('user', 'name', 'aNN') AS suppressed, lethe_is_suppressed('user', 'name', 'bo') AS another`,
    );
    expect(row).toEqual({ hidden: 1, other: 0, suppressed: 1, another: 0 });
    await connector.setSuppression(batchOf([[{ type: 'name', value: ['aNN'] }]]), false, testContext());
    expect(await db.database.rows('SELECT 1 FROM lethe_suppressions')).toEqual([]);
  });

  test.each([
    ['BOOLEAN NOT NULL DEFAULT false', 0, 1],
    ['DATE', null, '2026-02-03'],
    ['DATETIME(3)', null, '2026-02-03 04:05:06.789'],
    ['TIMESTAMP NULL', null, '2026-02-03 04:05:06'],
  ])(
    'hides and restores by a column of type %s, but keeps what the application has hidden',
    async (type, shown, hidden) => {
      const db = await open(
        { ...mapOf('exact'), key: 'name', softDelete: { column: 'gone' }, tables: [] },
        `CREATE TABLE person (name VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY, gone ${type});
       INSERT INTO person (name) VALUES ('ann'), ('bo'), ('cy'); UPDATE person SET gone = ${shown === 0 ? 'true' : `'2020-01-01'`} WHERE name = 'bo'`,
      );
      const gone = async () =>
        (await db.database.rows<{ gone: unknown }>('SELECT gone FROM person ORDER BY name')).map((row) => row.gone);
      const [, own] = await gone();
      const batch = batchOf([[{ type: 'name', value: ['ann'] }], [{ type: 'name', value: ['bo'] }]], { batch: 'g1' });
      const change = { at: new Date('2026-02-03T04:05:06.789Z'), generation: 1 };
      await db.connector().setVisibility(batch, { ...change, hidden: true }, testContext());
      expect(await gone()).toEqual([hidden, own, shown]);
      await db
        .connector()
        .setVisibility({ ...batch, batch: 'g2' }, { ...change, generation: 2, hidden: false }, testContext());
      expect(await gone()).toEqual([shown, own, shown]);
    },
  );

  test('exports every type of MariaDB without losing digits, bytes or times', async () => {
    const db = await open(
      { ...mapOf('exact'), key: 'name', tables: [{ table: 'thing', subject: 'name', time: 'at' }] },
      `CREATE TABLE person (name VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY);
       CREATE TABLE thing (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(40) COLLATE utf8mb4_bin, amount DECIMAL(30, 10), ratio DOUBLE, is_on BOOLEAN,
         at TIMESTAMP(6) NULL, day DATE, data BLOB, document JSON, word TEXT, kind ENUM('a', 'b'), flags BIT(4), code INT(5) ZEROFILL, KEY (name));
       INSERT INTO person VALUES ('ann');
       SET time_zone = '+05:00';
       INSERT INTO thing VALUES (18446744073709551615, 'ann', 12345678901234567890.0123456789, 0.1, true, '2026-01-02 03:04:05.678901', '2026-01-02',
         x'00ff10', '{"a": [1, "x\\\\ny"]}', '=SUM(1)\n"quoted", \u{1f600}', 'b', b'1010', 7),
         (2, 'ann', NULL, NULL, NULL, '2020-01-01 00:00:00', NULL, NULL, NULL, '', NULL, NULL, NULL);
       SET time_zone = '+00:00'`,
    );
    const batch = batchOf([[{ type: 'name', value: ['ann'] }]]);
    const json = await exportAll(db.connector(), batch);
    const table = `${db.database.name}.thing`;
    const text = json.get(table)?.text ?? '';
    expect(text).toContain('"id":18446744073709551615');
    expect(text).toContain('"amount":12345678901234567890.0123456789');
    const row = rowsOf(json, table).find(({ kind }) => kind === 'b');
    expect(row).toMatchObject({
      ratio: 0.1,
      is_on: 1,
      at: '2026-01-01 22:04:05.678901',
      day: '2026-01-02',
      data: '0x00ff10',
      document: { a: [1, 'x\ny'] },
      word: '=SUM(1)\n"quoted", \u{1f600}',
      flags: '0x0a',
      code: '00007',
    });
    const csv = (await exportAll(db.connector(), batch, { format: 'csv' })).get(table)?.text ?? '';
    expect(csv).toContain(`"'=SUM(1)\n""quoted"", \u{1f600}"`);
    expect(csv).toContain('2,ann,,,,2019-12-31 19:00:00.000000,,,,"",,,');
    const since = (await exportAll(db.connector(), batch, { since: new Date('2025-01-01T00:00:00Z') })).get(table);
    expect(since?.figures.rows).toBe(1);
    expect(since?.table.windowed).toBe(true);
  });
});
