import { type SQL, sql } from 'drizzle-orm';
import type { BlockedBy } from '../../domain/request-state.ts';
import type { Queries } from '../client.ts';
import { matches } from '../schema/subjects.ts';
import { blockedSubjects } from '../schema/work.ts';

/**
 * Selects `system` and `blocked`, a list of `BlockedBy`: what prevents the deletion of subjects there, with the first
 * positions of these subjects.
 */
export const selectBlocked = (requestId: string, maxPositions: number): SQL => sql`
  SELECT system, jsonb_agg(jsonb_build_object('table', blocking_table, 'constraint', blocking_constraint, 'subjects', count,
           'positions', positions) ORDER BY blocking_table, blocking_constraint) AS blocked
  FROM (SELECT system, blocking_table, blocking_constraint, count(DISTINCT seq),
               coalesce((array_agg(DISTINCT position ORDER BY position) FILTER (WHERE position IS NOT NULL))[1:${maxPositions}::integer], '{}') AS positions
        FROM ${blockedSubjects} LEFT JOIN ${matches} USING (request_id, seq)
        WHERE request_id = ${requestId} AND cancelled_at IS NULL
        GROUP BY system, blocking_table, blocking_constraint) obstacle
  GROUP BY system`;

/** Reads what blocks the subjects of a request, per system. */
export async function readBlockedBy(
  queries: Queries,
  requestId: string,
  maxPositions: number,
): Promise<ReadonlyMap<string, readonly BlockedBy[]>> {
  const rows = await queries.execute<{ system: string; blocked: readonly BlockedBy[] }>(
    selectBlocked(requestId, maxPositions),
  );
  return new Map(rows.map(({ system, blocked }) => [system, blocked]));
}
