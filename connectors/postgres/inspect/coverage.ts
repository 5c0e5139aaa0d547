import type { ConfigError } from '../../connector.ts';
import { type Inspection, oidsOf, tablePaths } from './inspection.ts';
import { canonical } from '../sql.ts';

interface Uncovered {
  readonly table: string;
  readonly why: string;
}

/** A table that looks as if it held data on subjects is mapped, or ignored for a reason that somebody wrote down. */
export async function checkCoverage(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, context } = inspection;
  const ignored = (context.settings.ignore ?? []).map(({ table }) => canonical(table));
  const covered = [...tablePaths(inspection).map(({ table }) => table), ...ignored];
  const keys = context.models.map((model) => model.keyType);
  const tables = await session.rows<Uncovered>(UNCOVERED, [covered, keys, oidsOf(inspection)]);
  const there = await session.rows<{ table: string }>(EXISTING, [ignored]);
  return [
    ...tables.map(({ table, why }) => ({
      path: 'kinds',
      message: `${table} ${why} and is neither mapped nor ignored`,
    })),
    ...ignored.flatMap((table, index) =>
      there.some((row) => row.table === table)
        ? []
        : [{ path: `ignore.${index}.table`, message: `${table} does not exist` }],
    ),
  ];
}

/** Partitions count as their parent; materialised views and foreign tables keep copies and count like tables. */
const PERSONAL = `
  SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lethe_system') AND n.nspname !~ '^pg_(toast|temp)'`;

/** Foreign keys are followed from table to table, and not through one that is ignored. */
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
    SELECT attrelid AS oid, 'has the column ' || attname AS why FROM columns
    UNION ALL
    SELECT oid, 'references ' || target FROM referencing)
  SELECT t.name AS "table", min(r.why) AS why FROM tables t JOIN reasons r ON r.oid = t.oid
  WHERE t.name <> ALL ($1::text[]) GROUP BY t.name ORDER BY t.name`;

const EXISTING = `SELECT name AS "table" FROM (${PERSONAL}) AS tables WHERE name = ANY ($1::text[])`;
