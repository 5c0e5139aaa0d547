import { ConnectorError } from '../../connector.ts';
import { type KindModel, columnOf, columnsOf } from './model.ts';
import type { Session } from '../session.ts';
import { canonical, tableName } from '../sql.ts';

export interface ColumnType {
  /** As in a cast, with its length: `character varying(40)`. */
  readonly full: string;
  /** Without length and domain: `text`, `int8`, `uuid`, `citext`, … */
  readonly base: string;
  /** It, or what it is an array of, has a JSON of its own making, which it does not read again: hstore, geometry. */
  readonly ownJson: boolean;
  readonly notNull: boolean;
  /** Computed from other columns of the row. */
  readonly generated: boolean;
  /** The expression as PostgreSQL prints it. */
  readonly default: string | null;
  /** Of the primary key or the partition's, or what foreign keys of other rows refer to. */
  readonly anchored: boolean;
  /** It is a foreign key, or a part of one. */
  readonly refers: boolean;
}

export interface ForeignKey {
  readonly from: string;
  readonly to: string;
}

/** What the database says of the mapped tables: the types to cast to and the order in which rows can go. */
export interface Catalog {
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, ColumnType>>;
  readonly foreignKeys: readonly ForeignKey[];
}

export function mappedTables(models: readonly KindModel[], segments?: string): readonly string[] {
  const tables = models.flatMap((model) => model.targets.map((target) => canonical(target.table)));
  return [...new Set(segments === undefined ? tables : [...tables, canonical(segments)])];
}

export async function readCatalog(session: Session, tables: readonly string[]): Promise<Catalog> {
  const names = tables.map(tableName);
  const wanted = [names.map(({ schema }) => schema), names.map(({ name }) => name)];
  const columns = new Map<string, Map<string, ColumnType>>(tables.map((table) => [table, new Map()]));
  for (const row of await session.rows<ColumnRow>(COLUMNS, wanted))
    columns.get(`${row.schema}.${row.table}`)?.set(row.column, row);
  const foreignKeys = await session.rows<{ from: string; to: string }>(FOREIGN_KEYS, wanted);
  return { columns, foreignKeys };
}

interface ColumnRow extends ColumnType {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

const COLUMNS = `
  SELECT n.nspname AS schema, c.relname AS "table", a.attname AS "column", a.attnotnull OR t.typnotnull AS "notNull",
         a.attgenerated <> '' AS generated, pg_get_expr(d.adbin, d.adrelid) AS "default",
         format_type(a.atttypid, a.atttypmod) AS "full", coalesce(b.typname, t.typname)::text AS base,
         EXISTS (SELECT FROM pg_cast k WHERE k.castsource IN (coalesce(b.oid, t.oid), coalesce(b.typelem, t.typelem)) AND k.casttarget = 'json'::regtype AND k.castmethod = 'f') AS "ownJson",
         EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey))
           OR EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.confkey))
           OR EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND a.attnum = ANY (p.partattrs::int2[])) AS anchored,
         EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS refers
  FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
  JOIN pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ORDER BY a.attrelid, a.attnum`;

const FOREIGN_KEYS = `
  WITH mapped AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name)
  SELECT DISTINCT child.name AS "from", parent.name AS "to"
  FROM pg_constraint k JOIN mapped child ON child.oid = k.conrelid JOIN mapped parent ON parent.oid = k.confrelid
  WHERE k.contype = 'f' AND child.oid <> parent.oid`;

export function typeOf(catalog: Catalog, table: string, column: string): ColumnType {
  const type = catalog.columns.get(canonical(table))?.get(column);
  if (type === undefined)
    throw new ConnectorError('coverage_broken', `${canonical(table)} has no column ${column}`, { retryable: false });
  return type;
}

/** Columns of the subject's own table by which each identity type is found; without aliases. */
export function ownColumns(model: KindModel): readonly { type: string; columns: readonly string[] }[] {
  const identities = Object.entries(model.map.identities ?? {});
  return [
    { type: model.keyType, columns: [columnOf(model.map.key).column] },
    ...identities.map(([type, identity]) => ({ type, columns: columnsOf(identity) })),
  ];
}
