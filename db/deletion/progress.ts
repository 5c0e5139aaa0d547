import type { WorkState } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** How far one processor is with one claimed batch; `finished` subjects are those of ranges that are done in this pass. */
export interface BatchProgress {
  readonly processor: string;
  readonly batch: number;
  readonly state: WorkState;
  readonly pass: number;
  readonly subjects: number;
  readonly finished: number;
  readonly removed: number;
  /** Of a part-deletion (rule 16). */
  readonly blanked: number;
}

/** `finished` counts each subject once, also where a range was halved or cut by rows. */
export const readProgress = (queries: Queries, requestId: string): Promise<readonly BatchProgress[]> => queries<
  BatchProgress[]
>`
  SELECT work.processor, work.batch, work.state, work.pass, work.size AS subjects,
         least(work.size, coalesce(done.finished, 0))::bigint AS finished, coalesce(done.removed, 0)::bigint AS removed,
         coalesce(done.blanked, 0)::bigint AS blanked
  FROM lethe.batch_work work
  LEFT JOIN LATERAL (
    SELECT sum(last_seq - first_seq + 1) FILTER (WHERE pass = work.pass AND part <= 1) AS finished,
           sum(figures.removed) AS removed, sum(figures.blanked) AS blanked
    FROM lethe.processor_ranges finished
    CROSS JOIN LATERAL (
      SELECT sum(figure.removed) AS removed, sum(figure.blanked) AS blanked
      FROM jsonb_to_recordset(tables) figure (removed bigint, blanked bigint)) figures
    WHERE finished.request_id = work.request_id AND finished.batch = work.batch AND finished.processor = work.processor) done ON true
  WHERE work.request_id = ${requestId} ORDER BY work.batch, work.processor`;
