import { TABLES } from '../../inspect/coverage/tables.ts';
import type { Session } from '../../session.ts';
import { familyOf } from './families.ts';
import type { Column, Snapshot, SnapshotKey, Table, TableIndex } from './snapshot.ts';

/** Reads pg_catalog in six statements. Needs no right on the tables. */
export async function readSnapshot(session: Session): Promise<Snapshot> {
  const tables = await session.rows<TableRow>(
    `SELECT t.name AS "table", t.relkind::text, greatest(c.relpages, 0) AS pages
     FROM (${TABLES}) AS t JOIN pg_class c ON c.oid = t.oid ORDER BY t.name`,
  );
  const columns = await session.rows<ColumnRow>(COLUMNS);
  const indexes = await session.rows<IndexRow>(INDEXES);
  const effects = await session.rows<EffectRow>(EFFECTS);
  const foreignKeys = await session.rows<SnapshotKey>(FOREIGN_KEYS);
  const materializedViews = await session.rows<Snapshot['materializedViews'][number]>(MATERIALIZED_VIEWS);
  return {
    tables: new Map(tables.map((table) => [table.table, createTable(table, columns, indexes, effects)])),
    foreignKeys,
    materializedViews,
  };
}

function createTable(
  { table: name, relkind, pages }: TableRow,
  columns: readonly ColumnRow[],
  indexes: readonly IndexRow[],
  effects: readonly EffectRow[],
): Table {
  const own = <Row extends { table: string }>(rows: readonly Row[]): Row[] =>
    rows.filter(({ table }) => table === name);
  const names = (effect: EffectRow['effect']): string[] =>
    own(effects).flatMap((row) => (row.effect === effect ? [row.name] : []));
  return {
    name,
    relkind,
    pages,
    columns: own(columns).map((row): Column => ({ ...row, family: familyOf(row.base, row.category) })),
    primaryKey: own(indexes).find(({ isPrimary }) => isPrimary)?.keys ?? [],
    indexes: own(indexes),
    triggers: names('trigger'),
    rules: names('rule'),
    inheritors: names('inheritor'),
  };
}

interface TableRow {
  readonly table: string;
  readonly relkind: string;
  readonly pages: number;
}
type ColumnRow = Omit<Column, 'family'> & { readonly table: string; readonly category: string };
type IndexRow = TableIndex & { readonly table: string; readonly isPrimary: boolean };
interface EffectRow {
  readonly table: string;
  readonly effect: 'trigger' | 'rule' | 'inheritor';
  readonly name: string;
}

const COLUMNS = `
  WITH tables AS (${TABLES})
  SELECT t.name AS "table", a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS "full",
         base.typname::text AS base, base.typcategory::text AS category, element.oid IS NOT NULL AS "isArray",
         a.attnotnull OR own.typnotnull AS "isNotNull", a.attgenerated <> '' AS "isGenerated",
         a.attidentity = 'a' AS "isAlwaysIdentity", pg_get_expr(d.adbin, d.adrelid) AS "default",
         EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = t.oid AND a.attnum = ANY (p.partattrs::int2[])) AS "isPartitionKey",
         ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = base.oid ORDER BY e.enumsortorder) AS labels
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type own ON own.oid = a.atttypid
  JOIN pg_type plain ON plain.oid = CASE own.typtype WHEN 'd' THEN own.typbasetype ELSE own.oid END
  LEFT JOIN pg_type element ON element.typarray = plain.oid
  JOIN pg_type base ON base.oid = coalesce(element.oid, plain.oid)
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ORDER BY t.name, a.attnum`;

const INDEXES = `
  WITH tables AS (${TABLES})
  SELECT t.name AS "table", m.amname::text AS method, i.indisunique AS "isUnique", i.indisprimary AS "isPrimary",
         i.indpred IS NOT NULL AS "isPartial",
         ARRAY(SELECT coalesce(a.attname::text, '(' || pg_get_indexdef(i.indexrelid, k.position::int, true) || ')')
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(num, position)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
               WHERE k.position <= i.indnkeyatts ORDER BY k.position) AS keys
  FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  ORDER BY t.name, c.relname`;

/** tgtype: 8 is DELETE, 16 is UPDATE. ev_type: 2 is UPDATE, 4 is DELETE. */
const EFFECTS = `
  WITH RECURSIVE tables AS (${TABLES}),
  parts(oid, name) AS (
    SELECT oid, name FROM tables
    UNION SELECT i.inhrelid, p.name FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid)
  SELECT DISTINCT p.name AS "table", 'trigger' AS effect, t.tgname::text AS name
  FROM parts p JOIN pg_trigger t ON t.tgrelid = p.oid
  WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype::int & 24 <> 0
  UNION ALL
  SELECT t.name, 'rule', r.rulename::text FROM tables t JOIN pg_rewrite r ON r.ev_class = t.oid AND r.ev_type IN ('2', '4')
  UNION ALL
  SELECT t.name, 'inheritor', n.nspname || '.' || c.relname
  FROM tables t JOIN pg_inherits i ON i.inhparent = t.oid
  JOIN pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace
  ORDER BY 1, 2, 3`;

const rootName = (oid: string): string => `
  (SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = coalesce(pg_partition_root(${oid}), ${oid}))`;

const columnNames = (side: 'con' | 'conf'): string => `
  ARRAY(SELECT a.attname::text FROM unnest(k.${side}key) WITH ORDINALITY AS u(num, i)
        JOIN pg_attribute a ON a.attrelid = k.${side}relid AND a.attnum = u.num ORDER BY u.i)`;

/** Foreign keys of partitions count once, as those of their partitioned table. */
const FOREIGN_KEYS = `
  SELECT DISTINCT ON (child, parent, "childColumns", "parentColumns", "onDelete") * FROM (
    SELECT k.conname::text AS name, ${rootName('k.conrelid')} AS child, ${columnNames('con')} AS "childColumns",
           ${rootName('k.confrelid')} AS parent, ${columnNames('conf')} AS "parentColumns", k.confdeltype::text AS "onDelete"
    FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0) AS found
  ORDER BY child, parent, "childColumns", "parentColumns", "onDelete", name`;

/** Each materialized view with the tables that it reads, also through other views. */
const MATERIALIZED_VIEWS = `
  WITH RECURSIVE tables AS (${TABLES}),
  parts(oid, name) AS (
    SELECT oid, name FROM tables WHERE relkind IN ('r', 'p')
    UNION SELECT i.inhrelid, p.name FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid),
  holding(oid, source) AS (
    SELECT oid, name FROM parts
    UNION
    SELECT r.ev_class, h.source FROM holding h
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = h.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> h.oid)
  SELECT n.nspname || '.' || c.relname AS view, array_agg(DISTINCT h.source ORDER BY h.source) AS sources
  FROM holding h JOIN pg_class c ON c.oid = h.oid AND c.relkind = 'm' JOIN pg_namespace n ON n.oid = c.relnamespace
  GROUP BY 1 ORDER BY 1`;
