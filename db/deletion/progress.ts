import { sql } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { batchWork, blockedSubjects, systemRanges } from '../schema/work.ts';

/** The progress of one system on one claimed batch. */
export type BatchProgress = Readonly<
  Pick<typeof batchWork.$inferSelect, 'system' | 'batch' | 'state' | 'pass'> & {
    subjects: number;
    /** Subjects that the system could not delete. */
    blocked: number;
    /** Subjects in the ranges that are finished in the current pass. */
    finished: number;
    /** Deleted rows, in all passes. Null if the system did not say how many, in at least one range. */
    removed: number | null;
    /** Rows with cleared columns, in all passes. 0 except for part deletions (rule 16). */
    blanked: number;
    /** Rows that belong to no subject, and whose reference to one was changed, in all passes. */
    detached: number;
    /** Rows of the subjects that were kept with replaced values, in all passes. */
    anonymised: number;
  }
>;

/** Reads the progress of all batches. Counts each subject once, also if its range was halved or split by rows. */
export const readProgress = (queries: Queries, requestId: string): Promise<readonly BatchProgress[]> =>
  queries.execute<BatchProgress>(sql`
  SELECT work.system, work.batch, work.state, work.pass, work.size AS subjects,
         (SELECT count(*) FROM ${blockedSubjects} blocked WHERE blocked.request_id = work.request_id AND blocked.batch = work.batch
            AND blocked.system = work.system AND cancelled_at IS NULL) AS blocked,
         least(work.size, coalesce(totals.finished, 0))::bigint AS finished, CASE WHEN totals.is_unknown THEN NULL ELSE coalesce(totals.removed, 0)::bigint END AS removed,
         coalesce(totals.blanked, 0)::bigint AS blanked, coalesce(totals.detached, 0)::bigint AS detached,
         coalesce(totals.anonymised, 0)::bigint AS anonymised
  FROM ${batchWork} work
  LEFT JOIN LATERAL (
    SELECT sum(last_seq - first_seq + 1) FILTER (WHERE pass = work.pass AND part <= 1) AS finished,
           sum(figures.removed) AS removed, bool_or(figures.is_unknown) AS is_unknown, sum(figures.blanked) AS blanked, sum(figures.detached) AS detached,
           sum(figures.anonymised) AS anonymised
    FROM ${systemRanges} finished
    CROSS JOIN LATERAL (
      SELECT sum(figure.removed) AS removed, bool_or(figure.removed IS NULL) AS is_unknown, sum(figure.blanked) AS blanked, sum(figure.detached) AS detached,
             sum((figure.anonymised->>'rows')::bigint) AS anonymised
      FROM jsonb_to_recordset(tables) figure (removed bigint, blanked bigint, detached bigint, anonymised jsonb)) figures
    WHERE finished.request_id = work.request_id AND finished.batch = work.batch AND finished.system = work.system) totals ON true
  WHERE work.request_id = ${requestId} ORDER BY work.batch, work.system`);
