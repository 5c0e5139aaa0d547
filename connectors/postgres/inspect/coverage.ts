import type { ConfigError } from '../../connector.ts';
import { type Inspection, oidsOf, tablePaths } from './inspection.ts';
import { qualifiedName } from '../sql.ts';

interface UncoveredTable {
  readonly table: string;
  readonly reason: string;
}

/** Checks that every table that looks personal is mapped, or listed under `ignore` with a reason. */
export async function checkCoverage(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, context } = inspection;
  const ignored = (context.settings.ignore ?? []).map(({ table }) => qualifiedName(table));
  // Rows of these tables are not the subject's, and the data map says how they refer to the subject's rows.
  const named = context.models.flatMap(({ targets }) =>
    targets.flatMap(({ sharedWith, onDelete }) =>
      [...sharedWith, ...onDelete].map(({ table }) => qualifiedName(table)),
    ),
  );
  const covered = [...tablePaths(inspection).map(({ table }) => table), ...named, ...ignored];
  const keys = context.models.map((model) => model.keyType);
  const tables = await session.rows<UncoveredTable>(UNCOVERED, [covered, keys, oidsOf(inspection)]);
  const existing = await session.rows<{ table: string }>(EXISTING, [ignored]);
  return [
    ...tables.map(({ table, reason }) => ({
      path: 'kinds',
      message: `${table} ${reason}; add it to the data map, or to ignore with a reason`,
    })),
    ...ignored.flatMap((table, index) =>
      existing.some((row) => row.table === table)
        ? []
        : [{ path: `ignore.${index}.table`, message: `${table} does not exist` }],
    ),
  ];
}

/** Partitions belong to their parent. Materialized views and foreign tables hold copies and count as tables. */
const PERSONAL = `
  SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lethe_system') AND n.nspname !~ '^pg_(toast|temp)'`;

/** Follows foreign keys from table to table, except through ignored tables. */
const UNCOVERED = `
  WITH RECURSIVE tables AS (${PERSONAL}),
  referencing(oid, target) AS (
    SELECT k.conrelid, t.name FROM pg_constraint k JOIN tables t ON t.oid = k.confrelid
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY ($3::oid[])
    UNION
    SELECT k.conrelid, t.name FROM referencing r JOIN tables t ON t.oid = r.oid
    JOIN pg_constraint k ON k.confrelid = r.oid AND k.contype = 'f' AND k.conparentid = 0
    WHERE t.name <> ALL ($1::text[])),
  columns AS (
    SELECT a.attrelid, a.attname FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND (a.attname = ANY ($2::text[]) OR a.attname ~* '(e[-_]?mail|(^|_)mail($|_|addr))')),
  reasons AS (
    SELECT attrelid AS oid, 'has the column ' || attname AS reason FROM columns
    UNION ALL
    SELECT oid, 'references ' || target FROM referencing)
  SELECT t.name AS "table", min(r.reason) AS reason FROM tables t JOIN reasons r ON r.oid = t.oid
  WHERE t.name <> ALL ($1::text[]) GROUP BY t.name ORDER BY t.name`;

const EXISTING = `SELECT name AS "table" FROM (${PERSONAL}) AS tables WHERE name = ANY ($1::text[])`;
