import type { Queries } from '../client.ts';

/**
 * Of a request's subjects, those that an active legal hold names by any identity, under any key. Derived each time,
 * never stored: a hold and a claim meet in this one question, under the project's lock (rule 6).
 * A fragment, to be used as `seq IN (…)` or `(request_id, seq) IN (…)`.
 */
export const heldSubjects = (queries: Queries, project: string) => queries`
  SELECT DISTINCT held.request_id, held.seq
  FROM lethe.hold_digests hold
  JOIN lethe.identity_digests held ON held.project = hold.project AND held.kind = hold.kind AND held.digest = hold.digest
  WHERE hold.project = ${project} AND hold.active`;
