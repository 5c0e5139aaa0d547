import type { DeleteRule, ForeignKey } from '../../data-map/catalog.ts';
import { tableName } from '../../data-map/names.ts';
import type { Session } from '../session.ts';
import type { Catalog, ColumnType, Family, RowKey } from './types.ts';

/** Column types, row keys and foreign keys of the mapped tables. A table that does not exist has no columns. */
export async function readCatalog(session: Session, tables: readonly string[]): Promise<Catalog> {
  const columns = new Map<string, Map<string, ColumnType>>(tables.map((table) => [table, new Map()]));
  const rowKeys = new Map<string, RowKey>();
  if (tables.length === 0) return { columns, rowKeys, foreignKeys: [] };
  const foreignKeys = await readForeignKeys(session, tables);
  const keyColumns = new Set(
    foreignKeys.flatMap((key) => key.parentColumns.map((column) => `${key.parent}.${column}`)),
  );
  const childColumns = new Set(
    foreignKeys.flatMap((key) => key.childColumns.map((column) => `${key.child}.${column}`)),
  );
  const documents = await readDocuments(session, tables);
  for (const row of await session.rows<ColumnRow>(COLUMNS + isOneOf('c', tables) + ' ORDER BY c.ordinal_position')) {
    const name = `${row.table}.${row.name}`;
    const isDocument = documents.has(name);
    columns.get(row.table)?.set(row.name, {
      ...columnType(row, isDocument),
      isKeyColumn: Number(row.isPrimary) === 1 || keyColumns.has(name),
      isForeignKey: childColumns.has(name),
    });
  }
  for (const key of await readRowKeys(session, tables)) if (!rowKeys.has(key.table)) rowKeys.set(key.table, key);
  return { columns, rowKeys, foreignKeys };
}

/** The names of tables are compared as bytes, because the names of files decide whether case counts. */
const isOneOf = (alias: string, tables: readonly string[], schema = 'table_schema', name = 'table_name'): string => {
  const pairs = tables.map((table) => {
    const names = tableName(table);
    return `(${text(names.schema)}, ${text(names.name)})`;
  });
  return `(${alias}.${schema}, ${alias}.${name}) IN (${pairs.join(', ')})`;
};

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

interface ColumnRow {
  readonly table: string;
  readonly name: string;
  readonly base: string;
  readonly full: string;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly length: string | number | null;
  readonly precision: string | number | null;
  readonly scale: string | number | null;
  readonly nullable: string;
  readonly default: string | null;
  readonly extra: string;
  readonly generation: string | null;
  readonly isPrimary: number;
}

const COLUMNS = `
  SELECT CONCAT(c.table_schema, '.', c.table_name) AS \`table\`, c.column_name AS name, LOWER(c.data_type) AS base,
         c.column_type AS \`full\`, c.character_set_name AS charset, c.collation_name AS \`collation\`,
         c.character_maximum_length AS length, c.datetime_precision AS \`precision\`, c.numeric_scale AS scale,
         c.is_nullable AS nullable, c.column_default AS \`default\`, LOWER(c.extra) AS extra,
         c.generation_expression AS generation, c.column_key = 'PRI' AS isPrimary
  FROM information_schema.columns AS c WHERE `;

const TEXTS = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'];
const INTEGERS = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'];
const BYTES = [
  'binary',
  'varbinary',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
  'bit',
  'geometry',
  'point',
  'polygon',
];

function columnType(row: ColumnRow, isDocument: boolean): Omit<ColumnType, 'isKeyColumn' | 'isForeignKey'> {
  const { base, full, charset, collation, extra, generation } = row;
  const isGenerated = generation !== null && generation !== '';
  const isConstant = /^('([^']|'')*'|-?[0-9.]+)$/.test(row.default ?? '');
  return {
    base,
    full,
    family: familyOf(row, isDocument),
    charset,
    collation,
    length: row.length === null ? null : Number(row.length),
    precision: Number(row.precision ?? 0),
    updatesItself: extra.includes('on update'),
    isNotNull: row.nullable === 'NO',
    isGenerated,
    default: row.default === 'NULL' ? null : row.default,
    hasConstantDefault: isConstant,
  };
}

function familyOf({ base, full, scale, length }: ColumnRow, isDocument: boolean): Family {
  if (isDocument) return 'json';
  if (full.startsWith('tinyint(1)')) return 'boolean';
  if (TEXTS.includes(base)) return 'text';
  if (INTEGERS.includes(base) || (base === 'decimal' && Number(scale) === 0)) return 'integer';
  if (base === 'uuid' || (base === 'binary' && Number(length) === 16)) return 'uuid';
  if (['datetime', 'timestamp', 'date'].includes(base)) return 'timestamp';
  if (['decimal', 'float', 'double'].includes(base)) return 'number';
  return BYTES.includes(base) ? 'bytes' : 'other';
}

/** In MariaDB, a column of type JSON is a LONGTEXT with a check. */
async function readDocuments(session: Session, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await session.rows<{ table: string; clause: string }>(
    `SELECT CONCAT(c.constraint_schema, '.', c.table_name) AS \`table\`, c.check_clause AS clause
     FROM information_schema.check_constraints AS c WHERE ${isOneOf('c', tables, 'constraint_schema')}`,
  );
  return new Set(
    rows.flatMap(({ table, clause }) => {
      const [, column] = /^json_valid\(`(.+)`\)$/.exec(clause) ?? [];
      return column === undefined ? [] : [`${table}.${column.replaceAll('``', '`')}`];
    }),
  );
}

interface KeyRow {
  readonly table: string;
  readonly name: string;
  readonly column: string;
  readonly nullable: string;
  readonly part: string | number | null;
}

/** The primary key first, then unique keys of whole columns without NULL. */
async function readRowKeys(session: Session, tables: readonly string[]): Promise<(RowKey & { table: string })[]> {
  const rows = await session.rows<KeyRow>(
    `SELECT CONCAT(s.table_schema, '.', s.table_name) AS \`table\`, s.index_name AS name, s.column_name AS \`column\`,
            s.nullable AS nullable, s.sub_part AS part
     FROM information_schema.statistics AS s WHERE s.non_unique = 0 AND ${isOneOf('s', tables)}
     ORDER BY s.index_name <> 'PRIMARY', s.index_name, s.seq_in_index`,
  );
  return [...Map.groupBy(rows, ({ table, name }) => JSON.stringify([table, name])).values()].flatMap((parts) => {
    const [first] = parts;
    const isUsable = parts.every(
      ({ column, nullable, part }) => column !== null && nullable !== 'YES' && part === null,
    );
    if (first === undefined || !isUsable) return [];
    return [{ table: first.table, name: first.name, columns: parts.map(({ column }) => column) }];
  });
}

interface ForeignKeyRow {
  readonly name: string;
  readonly child: string;
  readonly parent: string;
  readonly childColumn: string;
  readonly parentColumn: string;
  readonly nullable: string;
  readonly rule: string;
}

const RULES: Readonly<Record<string, DeleteRule>> = {
  CASCADE: 'c',
  'SET NULL': 'n',
  'SET DEFAULT': 'd',
  RESTRICT: 'r',
};

async function readForeignKeys(session: Session, tables: readonly string[]): Promise<readonly ForeignKey[]> {
  const rows = await session.rows<ForeignKeyRow>(
    `SELECT k.constraint_name AS name, CONCAT(k.table_schema, '.', k.table_name) AS child,
            CONCAT(k.referenced_table_schema, '.', k.referenced_table_name) AS parent, k.column_name AS childColumn,
            k.referenced_column_name AS parentColumn, c.is_nullable AS nullable, r.delete_rule AS rule
     FROM information_schema.key_column_usage AS k
     JOIN information_schema.referential_constraints AS r ON r.constraint_schema = k.constraint_schema
       AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
     JOIN information_schema.columns AS c ON c.table_schema = k.table_schema AND c.table_name = k.table_name
       AND c.column_name = k.column_name
     WHERE k.referenced_table_name IS NOT NULL AND (${isOneOf('k', tables)}
       OR ${isOneOf('k', tables, 'referenced_table_schema', 'referenced_table_name')})
     ORDER BY child, k.constraint_name, k.ordinal_position`,
  );
  return [...Map.groupBy(rows, ({ child, name }) => JSON.stringify([child, name])).values()].flatMap((parts) => {
    const [first] = parts;
    if (first === undefined) return [];
    const { name, child, parent, rule } = first;
    return [
      {
        name,
        child,
        parent,
        childColumns: parts.map(({ childColumn }) => childColumn),
        parentColumns: parts.map(({ parentColumn }) => parentColumn),
        nullableColumns: parts.filter(({ nullable }) => nullable === 'YES').map(({ childColumn }) => childColumn),
        onDelete: RULES[rule] ?? 'a',
      },
    ];
  });
}
