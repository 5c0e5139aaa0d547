import { sql } from 'drizzle-orm';
import type { AnonymisedRows, RetainedRows } from '../../domain/batch.ts';
import type { Queries } from '../client.ts';
import { systemRanges } from '../schema/work.ts';

/** The receipt's entry for one table of a system: the sum of all finished ranges (rule 13). */
export interface TableReceipt {
  readonly table: string;
  /** Null if the system did not say how much it removed, in at least one range. */
  readonly removed: number | null;
  /** With `removed: null`, how many subjects the system was asked to delete. Otherwise null. */
  readonly requested: number | null;
  /** For part deletions: rows of which columns were cleared (rule 16). */
  readonly blanked: number;
  readonly retained: readonly RetainedRows[];
  /** Rows that belong to no subject, and whose reference to one was changed (rule 19). */
  readonly detached: number;
  /** Rows of the subjects that were kept with replaced values. */
  readonly anonymised: AnonymisedRows;
}

/** Reads the entries of all tables, by system. */
export async function readTableReceipts(
  queries: Queries,
  requestId: string,
): Promise<ReadonlyMap<string, readonly TableReceipt[]>> {
  const rows = await queries.execute<TableReceipt & { readonly system: string }>(sql`
    WITH figure AS (
      SELECT system, pass, figure.*
      FROM ${systemRanges}, jsonb_to_recordset(tables)
        AS figure ("table" text, removed bigint, requested bigint, blanked bigint, detached bigint, retained jsonb, anonymised jsonb)
      WHERE request_id = ${requestId}),
    unknown AS (
      SELECT system, "table", max(requested) AS requested
      FROM (SELECT system, "table", pass, coalesce(sum(requested), 0) AS requested FROM figure WHERE removed IS NULL
            GROUP BY system, "table", pass) passes GROUP BY system, "table"),
    per_basis AS (
      SELECT system, "table", basis, sum(rows) AS rows
      FROM figure, jsonb_to_recordset(retained) AS kept (basis text, rows bigint) GROUP BY system, "table", basis),
    bases AS (
      SELECT system, "table", jsonb_agg(jsonb_build_object('basis', basis, 'rows', rows) ORDER BY basis) AS retained
      FROM per_basis GROUP BY system, "table"),
    replaced AS (
      SELECT system, "table", jsonb_agg(DISTINCT name) AS columns
      FROM figure, jsonb_array_elements_text(anonymised->'columns') AS name GROUP BY system, "table")
    SELECT system, "table", CASE WHEN unknown.requested IS NULL THEN sum(removed)::bigint END AS removed,
           unknown.requested::bigint AS requested, coalesce(sum(blanked), 0)::bigint AS blanked,
           coalesce(bases.retained, '[]') AS retained, coalesce(sum(detached), 0)::bigint AS detached,
           jsonb_build_object('rows', coalesce(sum((anonymised->>'rows')::bigint), 0),
                              'columns', coalesce(columns, '[]')) AS anonymised
    FROM figure LEFT JOIN bases USING (system, "table") LEFT JOIN replaced USING (system, "table")
    LEFT JOIN unknown USING (system, "table")
    GROUP BY system, "table", bases.retained, columns, unknown.requested ORDER BY system, "table"`);
  const bySystem = Map.groupBy(rows, ({ system }) => system);
  return new Map([...bySystem].map(([system, found]) => [system, found.map(({ system: _, ...table }) => table)]));
}
