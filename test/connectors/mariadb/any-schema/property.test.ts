import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMariadb, systemSql } from '../../../../connectors/mariadb/index.ts';
import type { Batch } from '../../../../connectors/connector.ts';
import { createMariadb, mariadbUrl } from '../../../support/servers/mariadb.ts';
import { sized } from '../../../support/size.ts';
import { type AnyDatabase, type Mode, checkCase } from '../../any-schema/check.ts';
import { type Row, type Seeds, type UserKey, buildRows, seedsOf } from '../../any-schema/data.ts';
import { type Choices, choicesOf } from '../../any-schema/map.ts';
import { mariadbSettings, mariadbTables, schemaSql } from './schema.ts';

/** The runs of each of the two variants. */
const RUNS = sized(2, 100);
const MAX_ROWS = sized(8, 14);
const SYSTEM = 'app';

const DEFAULT: Omit<Choices, 'isComposite'> = {
  replies: 'delete',
  folders: 'delete',
  actions: 'detach',
  bookmarks: 'detach',
  subject: 'delete',
  order: 0,
  subjectsPerCommit: 100,
};

const modeOf = fc.constantFrom<Mode[]>('whole', 'whole', 'killed', 'parts');
const server = await mariadbUrl();

/** The tables of the data map are in a database of this name, as those of PostgreSQL are in a schema. */
const DATABASE = 'app';

async function openAnyDatabase(
  isComposite: boolean,
  choices: Choices,
): Promise<AnyDatabase & { readonly inspect: (map: Choices) => Promise<string[]> }> {
  const { sql, rows } = await createMariadb(server ?? '');
  await sql.query(
    `DROP DATABASE IF EXISTS ${DATABASE}; CREATE DATABASE ${DATABASE} COLLATE utf8mb4_bin; USE ${DATABASE}; ${schemaSql(isComposite)}`,
  );
  await sql.query(systemSql(mariadbSettings(choices, DATABASE), { system: SYSTEM }));
  const tables = mariadbTables(isComposite);
  const url = `${server}/${DATABASE}`;
  const connectorOf: AnyDatabase['connector'] = (each, tuning = {}) =>
    openMariadb(
      mariadbSettings(each, DATABASE),
      { system: SYSTEM, secret: () => url },
      { backoffMs: 1, retries: 1, ...tuning },
    ) as Required<ReturnType<typeof openMariadb>>;
  const documents = new Set(
    tables.flatMap(([name, { columns }]) =>
      Object.entries(columns).flatMap(([column, { type }]) => (type.startsWith('json') ? [`${name}.${column}`] : [])),
    ),
  );
  return {
    connector: connectorOf,
    inspect: async (each) => (await connectorOf(each).inspect()).map(({ path, message }) => `${path}: ${message}`),
    // Foreign keys are not checked in the order of the rows: rows of two tables can refer to each other.
    fill: async (state) => {
      const statements = tables.flatMap(([name]) => {
        const found = state[name] ?? [];
        const columns = Object.keys(found[0] ?? {});
        const values = found.map((row) => `(${columns.map((column) => textOf(row[column] ?? null)).join(', ')})`);
        return [
          `DELETE FROM ${name}`,
          ...(found.length === 0 ? [] : [`INSERT INTO ${name} (${columns.join(', ')}) VALUES ${values.join(', ')}`]),
        ];
      });
      await sql.query(
        ['SET foreign_key_checks = 0', 'START TRANSACTION', ...statements, 'COMMIT', 'SET foreign_key_checks = 1'].join(
          ';\n',
        ),
      );
    },
    read: async () => {
      const state: Record<string, Row[]> = Object.fromEntries(
        Object.keys(buildRows({}, isComposite)).map((name) => [name, []]),
      );
      for (const [name] of tables)
        state[name] = (await rows<Row>(`SELECT * FROM ${name}`)).map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([column, value]) => [
              column,
              documents.has(`${name}.${column}`) && typeof value === 'string'
                ? (JSON.parse(value) as Row[string])
                : value,
            ]),
          ),
        );
      return state;
    },
    startParts: async ({ requestId, batch, firstSeq, lastSeq }: Batch) => {
      const counts = JSON.stringify({ tables: {}, last: [], standing: [], retained: [], anonymised: [] });
      for (let seq = firstSeq; seq <= lastSeq; seq += 1)
        await rows(
          'INSERT INTO lethe_ranges (`system`, request_id, batch, pass, first_seq, last_seq, part, counts) VALUES (?, ?, ?, 1, ?, ?, -1, ?)',
          [SYSTEM, requestId, batch, seq, seq, counts],
        );
    },
  };
}

const textOf = (value: Row[string]): string => {
  if (value === null) return 'NULL';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
};

/** A schema without arrays has no rows with arrays. */
const withoutArrays = (seeds: Seeds): Seeds => ({ ...seeds, notes: [], albums: [], rooms: [] });

describe.skipIf(server === null).each([
  ['a key of one column', false],
  ['a composite key', true],
])('a schema of MariaDB with %s', (_name, isComposite) => {
  let database: Awaited<ReturnType<typeof openAnyDatabase>>;
  beforeAll(async () => {
    database = await openAnyDatabase(isComposite, { ...DEFAULT, isComposite });
  });
  afterAll(async () => {
    const { sql } = await createMariadb(server ?? '');
    await sql.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
  });

  test.each([
    ['deletes every row', DEFAULT],
    ['detaches and anonymises', { ...DEFAULT, replies: 'detach', folders: 'detach', subject: 'anonymise' }],
    ['shares what is pointed to', { ...DEFAULT, bookmarks: 'share' }],
  ] as const)('accepts a map in MariaDB that %s', async (_map, choices) => {
    await database.fill(buildRows({}, isComposite));
    expect(await database.inspect({ ...choices, isComposite })).toEqual([]);
  });

  test('leaves the rows in MariaDB and reports the figures of a model for random rows, maps and subjects', async () => {
    const one = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(1, 2, 3, 1, 2, 3, 4, 5, 0, 77));
    const subjectsOf = fc.uniqueArray(one, {
      minLength: 1,
      maxLength: 4,
      selector: ([tenant, id]) => (isComposite ? `${tenant} ${id}` : String(id)),
    });
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(
        seedsOf(isComposite, { maxLength: MAX_ROWS }),
        choicesOf(isComposite),
        subjectsOf,
        modeOf,
        async (seeds, choices, picked, mode) => {
          const subjects = picked.map(([tenant, id]): UserKey => (isComposite ? [tenant, id] : [id]));
          const supported: Choices = {
            ...choices,
            actions: 'detach',
            folders: choices.folders === 'acknowledge' ? 'delete' : choices.folders,
            bookmarks: choices.bookmarks === 'acknowledge' ? 'detach' : choices.bookmarks,
          };
          await checkCase(database, {
            choices: supported,
            before: buildRows(isComposite ? seeds : withoutArrays(seeds), isComposite),
            subjects,
            mode,
          });
          cases += 1;
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(cases).toBe(RUNS);
  }, 600_000);
});
