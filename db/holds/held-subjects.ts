import { type SQL, sql } from 'drizzle-orm';
import { holdDigests } from '../schema/holds.ts';
import { identityDigests } from '../schema/subjects.ts';

/**
 * Selects the (request_id, seq) of the subjects with an identity under an active legal hold, under any digest key.
 * Never stored: holds and claims evaluate it under the project lock (rule 6).
 */
export const heldSubjects = (project: string): SQL => sql`
  SELECT DISTINCT subject_digest.request_id, subject_digest.seq
  FROM ${holdDigests} hold
  JOIN ${identityDigests} subject_digest
    ON subject_digest.project = hold.project AND subject_digest.kind = hold.kind AND subject_digest.digest = hold.digest
  WHERE hold.project = ${project} AND hold.active`;
