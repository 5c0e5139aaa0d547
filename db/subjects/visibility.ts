import { and, eq, lt, sql } from 'drizzle-orm';
import type { RunWindow } from '../../domain/calendar.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { subjects } from '../schema/subjects.ts';
import { attention, processorVisibility } from '../schema/work.ts';
import { transferOwnership } from './ownership.ts';

/** What a processor has to apply: the newest desired generation, and the numbers of subjects to hide and to show. */
export type VisibilityChanges = Readonly<{
  applied: number;
  generation: number;
  hide: number;
  show: number;
  lastSeq: number;
}>;

export async function visibilityChanges(
  database: Database,
  requestId: string,
  processor: string,
): Promise<VisibilityChanges> {
  const [row] = await database.execute<VisibilityChanges>(sql`
    SELECT applied_generation AS applied, coalesce(max(generation), applied_generation) AS generation,
           count(*) FILTER (WHERE hidden) AS hide, count(*) FILTER (WHERE NOT hidden) AS show, coalesce(max(seq), 0) AS last_seq
    FROM ${processorVisibility}
    LEFT JOIN ${subjects} ON subjects.request_id = processor_visibility.request_id AND generation > applied_generation
      AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') AND present
    WHERE processor_visibility.request_id = ${requestId} AND processor = ${processor}
    GROUP BY applied_generation`);
  return row ?? { applied: 0, generation: 0, hide: 0, show: 0, lastSeq: 0 };
}

/** A late attempt that applied an older generation changes nothing (rule 9). */
export async function visibilityApplied(
  database: Database,
  requestId: string,
  processor: string,
  generation: number,
): Promise<void> {
  await database
    .update(processorVisibility)
    .set({ appliedGeneration: generation })
    .where(
      and(
        eq(processorVisibility.requestId, requestId),
        eq(processorVisibility.processor, processor),
        lt(processorVisibility.appliedGeneration, generation),
      ),
    );
}

/** The processors that have not applied the newest generation and need no operator first. */
export async function processorsBehind(tx: Transaction, requestId: string, asOf: Date): Promise<readonly string[]> {
  const rows = await tx.execute<{ processor: string }>(sql`
    SELECT processor FROM ${processorVisibility}
    WHERE request_id = ${requestId} AND hides AND skipped_at IS NULL AND EXISTS (
      SELECT FROM ${subjects} WHERE subjects.request_id = ${requestId} AND generation > applied_generation
        AND state IN ('resolved', 'soft_deleted', 'cancelling') AND present)
      AND NOT EXISTS (
        SELECT FROM ${attention} WHERE attention.request_id = ${requestId} AND attention.processor = processor_visibility.processor
          AND step = 'visibility' AND coalesce(retry_at > ${asOf}, true))
    ORDER BY processor`);
  return rows.map((row) => row.processor);
}

/**
 * Subjects become `soft_deleted`, or `cancelled`, once every processor that can hide has applied it. Those of a
 * part-deletion, which hides no subject, become `scheduled` once found. A request that attached to a subject while it was
 * being restored becomes its owner. Returns the requests to wake.
 */
export async function settleVisibility(
  tx: Transaction,
  input: { readonly project: string; readonly requestId: string; readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { project, requestId, at, window } = input;
  const [ends] = await tx.execute<Record<'hidden' | 'scheduled' | 'restored', number>>(sql`
    WITH followed AS (
      SELECT min(applied_generation) AS generation FROM ${processorVisibility}
      WHERE request_id = ${requestId} AND hides AND skipped_at IS NULL),
    settled AS (
      UPDATE ${subjects}
      SET state = CASE WHEN state = 'cancelling' THEN 'cancelled' WHEN scope = 'data' THEN 'soft_deleted' ELSE 'scheduled' END
      FROM followed
      WHERE request_id = ${requestId} AND coalesce(subjects.generation <= followed.generation, true)
        AND ((state = 'resolved' AND present AND hidden = (scope = 'data')) OR state = 'cancelling')
      RETURNING state)
    SELECT count(*) FILTER (WHERE state = 'soft_deleted') AS hidden, count(*) FILTER (WHERE state = 'scheduled') AS scheduled,
           count(*) FILTER (WHERE state = 'cancelled') AS restored FROM settled`);
  const { hidden = 0, scheduled = 0, restored = 0 } = ends ?? {};
  for (const [action, count] of [
    ['subjects.soft_deleted', hidden],
    ['subjects.scheduled', scheduled],
    ['subjects.restored', restored],
  ] as const) {
    if (count > 0) await recordAudit(tx, { at, project, requestId, actor: LETHE, action, detail: { count } });
  }
  return restored === 0 ? [] : transferOwnership(tx, { requestId, at, window });
}
