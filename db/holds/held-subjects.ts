import { type SQL, sql } from 'drizzle-orm';
import { holdDigests } from '../schema/holds.ts';
import { identityDigests } from '../schema/subjects.ts';

/**
 * A fragment for `(request_id, seq) IN (…)`: the subjects with an identity, under any digest key, that an active legal
 * hold names. Never stored: holds and claims both evaluate it under the project lock (rule 6).
 */
export const heldSubjects = (project: string): SQL => sql`
  SELECT DISTINCT held.request_id, held.seq
  FROM ${holdDigests} hold
  JOIN ${identityDigests} held ON held.project = hold.project AND held.kind = hold.kind AND held.digest = hold.digest
  WHERE hold.project = ${project} AND hold.active`;
