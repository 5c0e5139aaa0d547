import type { ConfigError } from '../../connector.ts';
import { type NamedColumns, namedColumns } from '../../data-map/named-columns.ts';
import { columnPath, qualifiedName, tableName } from '../../data-map/names.ts';
import { findType } from '../catalog/columns.ts';
import { ident, literal, relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks that every look-up can use an index. Otherwise each chunk would read the whole table. */
export async function checkIndexes(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { context, relations, catalog } = inspection;
  const lookUps = namedColumns(context.settings).filter(
    ({ use, table, columns }) =>
      ['key', 'find', 'join'].includes(use) &&
      relations.has(table) &&
      columns.every((column) => findType(catalog, table, column) !== undefined),
  );
  const indexes = await readIndexes(inspection, [...new Set(lookUps.map(({ table }) => table))]);
  const errors: ConfigError[] = [];
  for (const lookUp of lookUps) errors.push(...(await checkLookUp(lookUp, indexes, inspection)));
  return errors;
}

interface Index {
  readonly isUnique: boolean;
  readonly columns: readonly string[];
}

async function checkLookUp(
  { path, table, columns, use }: NamedColumns,
  indexes: ReadonlyMap<string, readonly Index[]>,
  inspection: Inspection,
): Promise<readonly ConfigError[]> {
  const own = indexes.get(table) ?? [];
  const names = columns.map((column) => columnPath(column).column);
  const list = columns.join(', ');
  if (use === 'key') {
    const isKey = own.some(
      (index) =>
        index.isUnique && index.columns.length === names.length && names.every((name) => index.columns.includes(name)),
    );
    const sql = createIndex(table, names, 'UNIQUE ');
    return isKey
      ? []
      : [
          {
            path,
            message: `${list} of ${table} is not unique; a key needs a unique index on exactly these columns: ${sql}`,
            sql,
          },
        ];
  }
  // An index on some of the columns finds few rows, as long as it begins with one of them.
  const isDocument = columns.some((column) => columnPath(column).keys.length > 0);
  if (!isDocument && own.some((index) => names.includes(index.columns[0] ?? ''))) return [];
  if (!(await isLarge(table, inspection))) return [];
  const size = ` because the table has more than ${inspection.context.server.tuning.smallTableRows.toLocaleString('en')} rows`;
  if (isDocument)
    return [
      {
        path,
        message: `${table} needs an index on ${list},${size}; add a generated column with an index, and name that column instead`,
      },
    ];
  const sql = createIndex(table, names);
  return [{ path, message: `${table} needs an index on ${list},${size}; run: ${sql}`, sql }];
}

/** A deletion tolerates a table that has grown beyond the bound of the command, so that the growth stops no request. */
const TOLERANCE = 10;

/** A bounded count. The rows of an empty schema are unknown, so its tables count as large. */
async function isLarge(table: string, { session, context, options }: Inspection): Promise<boolean> {
  if (options.schemaOnly === true) return true;
  const bound = context.server.tuning.smallTableRows * (options.thorough === true ? 1 : TOLERANCE);
  const [row] = await session.rows<{ count: string | number }>(
    `SELECT COUNT(*) AS count FROM (SELECT 1 FROM ${relation(table)} LIMIT ${Number(bound) + 1}) AS bounded`,
  );
  return Number(row?.count ?? 0) > bound;
}

async function readIndexes(
  { session }: Inspection,
  tables: readonly string[],
): Promise<ReadonlyMap<string, readonly Index[]>> {
  if (tables.length === 0) return new Map();
  const pairs = tables.map((table) => {
    const { schema, name } = tableName(table);
    return `(${literal(schema)}, ${literal(name)})`;
  });
  const rows = await session.rows<{ table: string; name: string; column: string | null; unique: string | number }>(
    `SELECT CONCAT(s.table_schema, '.', s.table_name) AS \`table\`, s.index_name AS name, s.column_name AS \`column\`,
            s.non_unique = 0 AND s.sub_part IS NULL AS \`unique\`
     FROM information_schema.statistics AS s WHERE s.index_type = 'BTREE' AND (s.table_schema, s.table_name) IN (${pairs.join(', ')})
     ORDER BY s.table_schema, s.table_name, s.index_name, s.seq_in_index`,
  );
  const byTable = Map.groupBy(rows, ({ table }) => qualifiedName(table));
  return new Map(
    [...byTable].map(([table, parts]) => [
      table,
      [...Map.groupBy(parts, ({ name }) => name).values()].map((index) => ({
        isUnique: index.every(({ unique }) => Number(unique) === 1),
        columns: index.map(({ column }) => column ?? ''),
      })),
    ]),
  );
}

const createIndex = (table: string, columns: readonly string[], unique = ''): string =>
  `ALTER TABLE ${relation(table)} ADD ${unique}INDEX (${columns.map(ident).join(', ')}), ALGORITHM = INPLACE, LOCK = NONE;`;
