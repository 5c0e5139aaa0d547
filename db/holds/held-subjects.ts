import { type SQL, sql } from 'drizzle-orm';
import { holdDigests } from '../schema/holds.ts';
import { identityDigests } from '../schema/subjects.ts';

/** A condition on `subject_digest` of the outer statement: an active legal hold has the digest. */
const isDigestHeld: SQL = sql`EXISTS (
  SELECT FROM ${holdDigests} hold
  WHERE hold.project = subject_digest.project AND hold.kind = subject_digest.kind AND hold.digest = subject_digest.digest AND hold.active
  OFFSET 0)`;

/** Skips the digests of the subjects in a project without active holds. */
const hasHolds = (project: string): SQL => sql`
  EXISTS (SELECT FROM ${holdDigests} WHERE hold_digests.project = ${project} AND hold_digests.active)`;

/**
 * A condition on a row of `subjects` that the outer statement calls `name`: it has an identity under an active legal hold,
 * under any digest key. Never stored: holds and claims evaluate it under the project lock (rule 6).
 */
export const isHeld = (project: string, name: 'subject' | 'subjects'): SQL => sql`(${hasHolds(project)} AND EXISTS (
  SELECT FROM ${identityDigests} subject_digest
  WHERE subject_digest.request_id = ${sql.identifier(name)}.request_id AND subject_digest.seq = ${sql.identifier(name)}.seq
    AND ${isDigestHeld} OFFSET 0))`;

/** Selects the `seq` of the held subjects of a request, for statements that need most of them. */
export const heldSubjects = (project: string, requestId: string): SQL => sql`
  SELECT DISTINCT subject_digest.seq FROM ${identityDigests} subject_digest
  WHERE subject_digest.request_id = ${requestId} AND ${hasHolds(project)} AND ${isDigestHeld}`;
