import {
  type ColumnType as CommonColumn,
  type Catalog as CommonCatalog,
  type ForeignKey,
  missingColumn,
} from '../../data-map/catalog.ts';
import { columnPath, qualifiedName, tableName } from '../../data-map/names.ts';
import type { Session } from '../session.ts';

/** A column of PostgreSQL. `base` is without domain. */
export interface ColumnType extends CommonColumn {
  /** The collation that the column declares, quoted for SQL. Null for the collation of the database. */
  readonly collation: string | null;
  /** False for a collation that finds texts equal that differ, such as in case. */
  readonly isDeterministic: boolean;
  /** The type, or the type of its elements, has a cast to JSON that it cannot read back, such as hstore. */
  readonly hasCustomJson: boolean;
}

export type Catalog = CommonCatalog<ColumnType>;

export async function readCatalog(session: Session, tables: readonly string[]): Promise<Catalog> {
  const names = tables.map(tableName);
  const parameters = [names.map(({ schema }) => schema), names.map(({ name }) => name)];
  const columns = new Map<string, Map<string, ColumnType>>(tables.map((table) => [table, new Map()]));
  for (const row of await session.rows<ColumnRow>(COLUMNS, parameters))
    columns.get(`${row.schema}.${row.table}`)?.set(row.column, row);
  const foreignKeys = await session.rows<ForeignKey>(FOREIGN_KEYS, parameters);
  return { columns, foreignKeys };
}

interface ColumnRow extends ColumnType {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** Reads each catalog once, instead of once per column: every step of a request inspects its tables. */
const COLUMNS = `
  WITH mapped AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname FROM unnest($1::text[], $2::text[]) AS mapped(schema, name)
    JOIN pg_namespace n ON n.nspname = mapped.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = mapped.name),
  columns AS MATERIALIZED (
    SELECT mapped.nspname, mapped.relname, a.*, t.typnotnull, coalesce(b.typname, t.typname)::text AS base,
           ARRAY[coalesce(b.oid, t.oid), coalesce(b.typelem, t.typelem)] AS types
    FROM mapped
    JOIN pg_attribute a ON a.attrelid = mapped.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype),
  keys AS MATERIALIZED (
    SELECT * FROM pg_constraint k
    WHERE k.contype IN ('p', 'f') AND (k.conrelid IN (SELECT oid FROM mapped) OR k.confrelid IN (SELECT oid FROM mapped)))
  SELECT a.nspname AS schema, a.relname AS "table", a.attname AS "column", a.attnotnull OR a.typnotnull AS "isNotNull",
         a.attgenerated <> '' AS "isGenerated", pg_get_expr(d.adbin, d.adrelid) AS "default",
         format_type(a.atttypid, a.atttypmod) AS "full", a.base,
         CASE WHEN l.collname <> 'default' THEN format('%s.%I', l.collnamespace::regnamespace, l.collname) END AS collation,
         coalesce(l.collisdeterministic, true) AS "isDeterministic",
         a.types && ARRAY(SELECT k.castsource FROM pg_cast k WHERE k.casttarget = 'json'::regtype AND k.castmethod = 'f') AS "hasCustomJson",
         (a.attrelid, a.attnum) IN (
           SELECT conrelid, unnest(conkey) FROM keys WHERE contype = 'p'
           UNION ALL SELECT confrelid, unnest(confkey) FROM keys WHERE contype = 'f'
           UNION ALL SELECT partrelid, unnest(partattrs::int2[]) FROM pg_partitioned_table) AS "isKeyColumn",
         (a.attrelid, a.attnum) IN (SELECT conrelid, unnest(conkey) FROM keys WHERE contype = 'f') AS "isForeignKey"
  FROM columns a
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ORDER BY a.attrelid, a.attnum`;

const name = (oid: string): string =>
  `(SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid})`;

const columnNames = (side: 'con' | 'conf'): string =>
  `ARRAY(SELECT a.attname::text FROM unnest(k.${side}key) WITH ORDINALITY AS u(num, i)
         JOIN pg_attribute a ON a.attrelid = k.${side}relid AND a.attnum = u.num ORDER BY u.i)`;

/**
 * Foreign keys of a partition that its partitioned table does not have are included, and duplicates are not. Tables whose
 * rows ON DELETE CASCADE removes count as mapped tables.
 */
const FOREIGN_KEYS = `
  WITH RECURSIVE mapped AS (
    SELECT c.oid FROM unnest($1::text[], $2::text[]) AS mapped(schema, name)
    JOIN pg_namespace n ON n.nspname = mapped.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = mapped.name),
  keys AS (
    SELECT k.*, coalesce(pg_partition_root(k.conrelid), k.conrelid) AS child,
           coalesce(pg_partition_root(k.confrelid), k.confrelid) AS parent
    FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0),
  reached AS (
    SELECT oid FROM mapped UNION
    SELECT k.child FROM reached r JOIN keys k ON k.parent = r.oid AND k.confdeltype = 'c')
  SELECT DISTINCT ON (child, parent, "childColumns", "parentColumns", "onDelete") * FROM (
    SELECT k.conname::text AS name, ${name('k.child')} AS child, ${name('k.parent')} AS parent,
           k.confdeltype::text AS "onDelete", ${columnNames('con')} AS "childColumns", ${columnNames('conf')} AS "parentColumns",
           ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND NOT a.attnotnull) AS "nullableColumns"
    FROM keys k WHERE k.child IN (SELECT oid FROM mapped) OR k.parent IN (SELECT oid FROM reached)) AS found
  ORDER BY child, parent, "childColumns", "parentColumns", "onDelete", name`;

/** The type of a column, or text for a key inside a json or jsonb column. */
export function typeOf(catalog: Catalog, table: string, column: string): ColumnType {
  const type = findType(catalog, table, column);
  if (type === undefined) throw missingColumn(table, column);
  return type;
}

export function findType(catalog: Catalog, table: string, name: string): ColumnType | undefined {
  const { column, keys } = columnPath(name);
  const type = catalog.columns.get(qualifiedName(table))?.get(column);
  if (type === undefined || keys.length === 0) return type;
  return type.base === 'json' || type.base === 'jsonb' ? TEXT : undefined;
}

const TEXT: ColumnType = {
  full: 'text',
  base: 'text',
  collation: null,
  isDeterministic: true,
  hasCustomJson: false,
  isNotNull: false,
  isGenerated: false,
  default: null,
  isKeyColumn: false,
  isForeignKey: false,
};
