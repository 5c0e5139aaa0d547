import { and, eq, isNotNull, lt, sql } from 'drizzle-orm';
import type { Database, Queries } from '../client.ts';
import { subjects } from '../schema/subjects.ts';
import { systemVisibility } from '../schema/work.ts';

/** The changes of visibility that a system has to apply. */
export type VisibilityChanges = Readonly<{
  /** The generation that the system has applied. */
  applied: number;
  /** The newest generation. */
  generation: number;
  /** The numbers of subjects to hide and to restore. */
  hide: number;
  show: number;
  /** The highest `seq` of these subjects. */
  lastSeq: number;
}>;

export async function readVisibilityChanges(
  database: Database,
  requestId: string,
  system: string,
): Promise<VisibilityChanges> {
  const [row] = await database.execute<VisibilityChanges>(sql`
    SELECT applied_generation AS applied, coalesce(max(generation), applied_generation) AS generation,
           count(*) FILTER (WHERE hidden) AS hide, count(*) FILTER (WHERE NOT hidden) AS show, coalesce(max(seq), 0) AS last_seq
    FROM ${systemVisibility}
    LEFT JOIN ${subjects} ON subjects.request_id = system_visibility.request_id AND generation > applied_generation
      AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') AND present
    WHERE system_visibility.request_id = ${requestId} AND system = ${system}
    GROUP BY applied_generation`);
  return row ?? { applied: 0, generation: 0, hide: 0, show: 0, lastSeq: 0 };
}

/** Records that a system has applied a generation. Does nothing if it has already applied a newer one (rule 9). */
export async function recordAppliedVisibility(
  database: Database,
  requestId: string,
  system: string,
  generation: number,
): Promise<void> {
  await database
    .update(systemVisibility)
    .set({ appliedGeneration: generation })
    .where(
      and(
        eq(systemVisibility.requestId, requestId),
        eq(systemVisibility.system, system),
        lt(systemVisibility.appliedGeneration, generation),
      ),
    );
}

/** Whether an operator has skipped the system in this request. */
export async function isSkipped(queries: Queries, requestId: string, system: string): Promise<boolean> {
  const { requestId: ofRequest, system: name, skippedAt } = systemVisibility;
  return (
    (await queries.$count(systemVisibility, and(eq(ofRequest, requestId), eq(name, system), isNotNull(skippedAt)))) > 0
  );
}
