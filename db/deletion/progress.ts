import { sql } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { batchWork, systemRanges } from '../schema/work.ts';

/** How far one system is with one claimed batch. `finished` counts the subjects of the ranges finished in this pass. */
export type BatchProgress = Readonly<
  Pick<typeof batchWork.$inferSelect, 'system' | 'batch' | 'state' | 'pass'> & {
    subjects: number;
    finished: number;
    removed: number;
    /** For part-deletions (rule 16). */
    blanked: number;
  }
>;

/** `finished` counts each subject once, also if a range was halved or split by rows. */
export const readProgress = (queries: Queries, requestId: string): Promise<readonly BatchProgress[]> =>
  queries.execute<BatchProgress>(sql`
  SELECT work.system, work.batch, work.state, work.pass, work.size AS subjects,
         least(work.size, coalesce(done.finished, 0))::bigint AS finished, coalesce(done.removed, 0)::bigint AS removed,
         coalesce(done.blanked, 0)::bigint AS blanked
  FROM ${batchWork} work
  LEFT JOIN LATERAL (
    SELECT sum(last_seq - first_seq + 1) FILTER (WHERE pass = work.pass AND part <= 1) AS finished,
           sum(figures.removed) AS removed, sum(figures.blanked) AS blanked
    FROM ${systemRanges} finished
    CROSS JOIN LATERAL (
      SELECT sum(figure.removed) AS removed, sum(figure.blanked) AS blanked
      FROM jsonb_to_recordset(tables) figure (removed bigint, blanked bigint)) figures
    WHERE finished.request_id = work.request_id AND finished.batch = work.batch AND finished.system = work.system) done ON true
  WHERE work.request_id = ${requestId} ORDER BY work.batch, work.system`);
