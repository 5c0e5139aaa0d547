import type { ForeignKey, TableColumn, Tables } from '../../../data-map/coverage/tables.ts';
import type { Session } from '../../session.ts';

export async function readTables(session: Session): Promise<Tables> {
  const names = await session.rows<{ table: string }>(`SELECT name AS "table" FROM (${TABLES}) AS tables`);
  const columns = await session.rows<TableColumn>(COLUMNS);
  const foreignKeys = await session.rows<ForeignKey>(FOREIGN_KEYS);
  return { names: new Set(names.map(({ table }) => table)), columns, foreignKeys };
}

/** Tables in which an application stores rows. Partitions belong to their partitioned table, and tables of an extension to it. */
export const TABLES = `
  SELECT c.oid, c.relkind, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lethe_system') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const FAMILY = `CASE
    WHEN base.typname IN ('text', 'varchar', 'bpchar', 'citext', 'name', 'xml') THEN 'text'
    WHEN base.typname IN ('int2', 'int4', 'int8', 'numeric') THEN 'integer'
    WHEN base.typname IN ('json', 'jsonb', 'hstore') THEN 'json'
    WHEN base.typname IN ('inet', 'cidr', 'macaddr', 'macaddr8') THEN 'address'
    WHEN base.typname IN ('timestamp', 'timestamptz', 'time', 'timetz', 'interval') THEN 'time'
    WHEN base.typname = 'bytea' THEN 'bytes'
    WHEN base.typname = 'bool' THEN 'boolean'
    WHEN base.typname IN ('uuid', 'date') THEN base.typname::text
    WHEN base.typcategory = 'N' THEN 'number'
    ELSE 'other' END`;

/** Domains count as their base type, arrays as their elements. */
const COLUMNS = `
  WITH tables AS (${TABLES})
  SELECT t.name AS "table", a.attname::text AS name, ${FAMILY} AS type, element.oid IS NOT NULL AS "isArray",
         EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS "isForeignKey"
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type own ON own.oid = a.atttypid
  JOIN pg_type plain ON plain.oid = CASE own.typtype WHEN 'd' THEN own.typbasetype ELSE own.oid END
  LEFT JOIN pg_type element ON element.typarray = plain.oid
  JOIN pg_type base ON base.oid = coalesce(element.oid, plain.oid)
  ORDER BY t.name, a.attnum`;

const tableOf = (oid: string): string => `
  (SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = coalesce(pg_partition_root(${oid}), ${oid}))`;

const columnsOf = (side: 'con' | 'conf'): string => `
  ARRAY(SELECT a.attname::text FROM unnest(k.${side}key) WITH ORDINALITY AS u(num, i)
        JOIN pg_attribute a ON a.attrelid = k.${side}relid AND a.attnum = u.num ORDER BY u.i)`;

const FOREIGN_KEYS = `
  SELECT k.conname::text AS name, ${tableOf('k.conrelid')} AS child, ${columnsOf('con')} AS "childColumns",
         ${tableOf('k.confrelid')} AS parent, ${columnsOf('conf')} AS "parentColumns"
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY 2, 1`;
