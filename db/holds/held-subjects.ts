import { type SQL, sql } from 'drizzle-orm';
import { holdDigests } from '../schema/holds.ts';
import { identityDigests } from '../schema/subjects.ts';

/**
 * Of a request's subjects, those that an active legal hold names by any identity, under any key. Derived each time,
 * never stored: a hold and a claim meet in this one question, under the project's lock (rule 6).
 * A fragment, to be used as `seq IN (…)` or `(request_id, seq) IN (…)`.
 */
export const heldSubjects = (project: string): SQL => sql`
  SELECT DISTINCT held.request_id, held.seq
  FROM ${holdDigests} hold
  JOIN ${identityDigests} held ON held.project = hold.project AND held.kind = hold.kind AND held.digest = hold.digest
  WHERE hold.project = ${project} AND hold.active`;
