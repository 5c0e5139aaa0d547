import { type SQL, sql } from 'drizzle-orm';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { identityDigests, subjects } from '../schema/subjects.ts';

/** The rows of a subject in all requests, by the digests of its key under every key in use: `named` in the statement around it. */
export const sameKey = (project: string, kind: SubjectKind): SQL => sql`
  SELECT request_id, seq FROM ${identityDigests}
  WHERE identity_digests.project = ${project} AND identity_digests.kind = ${kind} AND is_key
    AND identity_digests.digest = ANY(named.digests) OFFSET 0`;

/**
 * The other request that owns the subject now (rule 7), at most one. OFFSET 0 keeps each look-up a probe of one index:
 * joined, it would read all subjects there ever were.
 */
export const openOwner = ({
  requestId,
  project,
  kind,
}: {
  readonly requestId: string;
  readonly project: string;
  readonly kind: SubjectKind;
}): SQL => sql`
  SELECT request_id, seq FROM (${sameKey(project, kind)}) same
  WHERE request_id <> ${requestId} AND EXISTS (
    SELECT FROM ${subjects} WHERE subjects.request_id = same.request_id AND subjects.seq = same.seq
      AND scope = 'data' AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') OFFSET 0)
  LIMIT 1`;
