import type { Session } from '../../session.ts';
import { relation } from '../../sql.ts';
import type { Inspection } from '../inspection.ts';

/** A deletion tolerates a table that has grown beyond the bound of the command, so that the growth stops no request. */
const TOLERANCE = 10;

/**
 * Whether a table has so many rows that its look-ups need an index, by a bounded count. The rows of an empty schema are
 * unknown, so its tables count as large.
 */
export async function isLarge(table: string, { session, context, options }: Inspection): Promise<boolean> {
  if (options.schemaOnly === true) return true;
  const bound = context.server.tuning.smallTableRows * (options.thorough === true ? 1 : TOLERANCE);
  const [count] = await session.rows<{ isLarge: boolean }>(
    `SELECT count(*) > $1 AS "isLarge" FROM (SELECT FROM ${relation(table)} LIMIT $1 + 1) AS bounded`,
    [bound],
  );
  return count?.isLarge === true;
}

/** The average number of rows per value of the most selective of these columns. Null without statistics. */
export async function rowsPerValue(
  session: Session,
  table: string,
  columns: readonly string[],
): Promise<number | null> {
  const [row] = await session.rows<{ rows: number | null }>(
    `SELECT min(CASE WHEN s.n_distinct < 0 THEN -1 / s.n_distinct ELSE c.reltuples / nullif(s.n_distinct, 0) END)::float8 AS rows
     FROM pg_stats s JOIN pg_class c ON c.oid = to_regclass($1) AND c.reltuples > 0
     JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
     WHERE s.tablename = c.relname AND s.attname = ANY ($2::text[])`,
    [relation(table), columns],
  );
  return row?.rows ?? null;
}
