import { type SQL, sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { raiseWake } from '../audit/audit.ts';
import { releaseBackups, rescheduleOwners } from '../backups/pending.ts';
import type { Transaction } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects } from '../schema/subjects.ts';

/** Selects the rows of a subject in all requests. `subject_key.digests` of the outer statement are the digests of its key. */
export const subjectsWithSameKey = (project: string, kind: SubjectKind): SQL => sql`
  SELECT found.request_id, found.seq FROM unnest(subject_key.digests) AS key_digest (digest)
  CROSS JOIN LATERAL (
    SELECT request_id, seq FROM ${identityDigests}
    WHERE identity_digests.project = ${project} AND identity_digests.kind = ${kind} AND is_key
      AND identity_digests.digest = key_digest.digest OFFSET 0) found OFFSET 0`;

/**
 * Selects the other request that owns the subject now, at most one (rule 7). OFFSET 0 stops PostgreSQL from flattening
 * the subquery; flattened, it scans all subjects instead of probing the index.
 */
export const currentOwner = ({
  requestId,
  project,
  kind,
}: {
  readonly requestId: string;
  readonly project: string;
  readonly kind: SubjectKind;
}): SQL => sql`
  SELECT request_id, seq FROM (${subjectsWithSameKey(project, kind)}) same
  WHERE request_id <> ${requestId} AND EXISTS (
    SELECT FROM ${subjects} WHERE subjects.request_id = same.request_id AND subjects.seq = same.seq
      AND scope = 'data' AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling') OFFSET 0)
  LIMIT 1`;

interface CancelledRequest {
  readonly requestId: string;
  readonly at: Date;
  readonly window: RunWindow;
}

/**
 * Cancels the unclaimed subjects whose `seq` the query `chosen` selects. A subject that another request is attached to
 * is transferred to it, still hidden (rule 7). Another hidden subject becomes `cancelled` once it is restored (rule 9).
 *
 * Runs under the project lock. Returns the requests to signal; the caller raises their wake version.
 */
export async function cancelSubjects(
  tx: Transaction,
  cancellation: CancelledRequest & { readonly chosen: SQL },
): Promise<{ readonly cancelled: number; readonly wake: readonly string[] }> {
  const { requestId, chosen, at, window } = cancellation;
  const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
  const [row] = await tx.execute<{
    cancelled: number;
    restarted: readonly string[];
    ownerRequests: readonly string[];
    ownerSeqs: readonly number[];
  }>(sql`
    WITH cancelled_subject AS (UPDATE ${subjects} subject
    SET state = CASE WHEN NOT hidden OR state = 'attached' OR present IS NOT TRUE OR EXISTS (
                  SELECT FROM ${subjects} waiting
                  WHERE waiting.owner_request = ${requestId} AND waiting.owner_seq = subject.seq AND waiting.state = 'attached' OFFSET 0)
                THEN 'cancelled' ELSE 'cancelling' END,
        hidden = false,
        generation = CASE WHEN NOT hidden OR state = 'attached' THEN generation ELSE (SELECT nextval('lethe.visibility_generation')) END
    WHERE request_id = ${requestId} AND seq IN (${chosen})
      AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'attached', 'selected')
    RETURNING seq, owner_request, owner_seq, backed_up),
    ${releaseBackups(requestId)},
    missing AS (
      SELECT owner_request, owner_seq FROM cancelled_subject
      WHERE owner_request IS NOT NULL AND NOT backed_up AND EXISTS (SELECT FROM ${requests} WHERE id = ${requestId} AND export_first))
    SELECT (SELECT count(*) FROM cancelled_subject) AS cancelled, ARRAY(SELECT id FROM restarted) AS restarted,
           (SELECT coalesce(array_agg(owner_request), '{}') FROM missing) AS owner_requests,
           (SELECT coalesce(array_agg(owner_seq), '{}') FROM missing) AS owner_seqs`);
  if (row === undefined || row.cancelled === 0) return { cancelled: 0, wake: [] };
  const { cancelled, restarted, ownerRequests, ownerSeqs } = row;
  const owners =
    ownerRequests.length === 0
      ? []
      : await rescheduleOwners(tx, { requests: ownerRequests, seqs: ownerSeqs }, firstRun);
  const transferred = await transferOwnership(tx, cancellation);
  return { cancelled, wake: [...new Set([...restarted, ...owners]), ...transferred] };
}

/**
 * Transfers every cancelled subject to the earliest request that is attached to it, still hidden. Later attached
 * requests are attached to the new owner (rule 7), and may start an export of the subject now.
 *
 * Runs under the project lock, after the subjects have become `cancelled`. Returns the requests to signal.
 */
export async function transferOwnership(
  tx: Transaction,
  { requestId, at, window }: CancelledRequest,
): Promise<readonly string[]> {
  const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
  const rows = await tx.execute<{ requestId: string }>(sql`
    WITH new_owner AS MATERIALIZED (
      SELECT DISTINCT ON (waiting.owner_seq) waiting.request_id, waiting.seq, waiting.owner_seq, cancelled.present
      FROM ${subjects} waiting
      JOIN ${subjects} cancelled ON cancelled.request_id = waiting.owner_request AND cancelled.seq = waiting.owner_seq
      WHERE waiting.owner_request = ${requestId} AND waiting.state = 'attached' AND cancelled.state = 'cancelled'
      ORDER BY waiting.owner_seq, waiting.request_id, waiting.seq),
    reattached AS (
      UPDATE ${subjects} SET owner_request = new_owner.request_id, owner_seq = new_owner.seq
      FROM new_owner
      WHERE subjects.owner_request = ${requestId} AND subjects.owner_seq = new_owner.owner_seq AND state = 'attached'
        AND (subjects.request_id, subjects.seq) <> (new_owner.request_id, new_owner.seq)
      RETURNING subjects.request_id),
    transferred AS (
      UPDATE ${subjects} subject
      SET state = 'resolved', owner_request = NULL, owner_seq = NULL, hidden = true, present = subject.present OR new_owner.present,
          generation = (SELECT nextval('lethe.visibility_generation')), hard_delete_at = greatest(subject.hard_delete_at, ${firstRun})
      FROM new_owner
      WHERE subject.owner_request = ${requestId} AND subject.owner_seq = new_owner.owner_seq AND subject.state = 'attached'
        AND subject.request_id = new_owner.request_id AND subject.seq = new_owner.seq
      RETURNING subject.request_id)
    SELECT request_id FROM transferred
    UNION SELECT id FROM ${requests} WHERE id = ANY(ARRAY(SELECT request_id FROM reattached)) AND export_first`);
  const wake = rows.map((row) => row.requestId);
  if (wake.length > 0) await raiseWake(tx, wake);
  return wake;
}
