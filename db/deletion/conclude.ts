import { newId } from '../../domain/ids.ts';
import { isTerminal, type TerminalStatus } from '../../domain/vocabulary.ts';
import { announce } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { buildReceipt } from './receipt.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';

/**
 * The end of a request: its status, its receipt, and the departure of its identities, in one transaction. Refuses while
 * anything is open (rule 14); on a request that has ended it changes nothing.
 */
export async function conclude(
  database: Database,
  input: { readonly requestId: string; readonly at: Date },
): Promise<{ readonly status: TerminalStatus }> {
  const { requestId, at } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (isTerminal(request.status)) return { status: request.status };
    const status = await endStatus(tx, requestId);
    if (status === null) throw new Error('something of the request is still open');
    await tx`UPDATE lethe.requests SET status = ${status}, concluded_at = ${at} WHERE id = ${requestId}`;
    await announce(tx, requestId, at);
    if (request.suppress) await keepSuppression(tx, request, at);
    await purgeIdentities(tx, requestId);
    const receipt = await buildReceipt(tx, requestId);
    await tx`UPDATE lethe.requests SET receipt = ${JSON.stringify(receipt)}::text::json WHERE id = ${requestId}`;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor: LETHE,
      action: `request.${status}`,
      detail: { submitted: request.submitted },
    });
    return { status };
  });
}

/** `null` while something is open. A request whose every subject was taken back is cancelled, not completed. */
async function endStatus(tx: Transaction, requestId: string): Promise<TerminalStatus | null> {
  const [ends] = await tx<
    { open: number; deleted: number; partially: number; cancelled: number; unfinished: number; early: boolean }[]
  >`
    SELECT count(*) FILTER (WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'cancelling', 'attached')) AS open,
           count(*) FILTER (WHERE state = 'deleted') AS deleted,
           count(*) FILTER (WHERE state = 'partially_deleted') AS partially,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           (SELECT count(*) FROM lethe.batch_work WHERE request_id = ${requestId}
             AND state NOT IN ('verified', 'attested', 'unverified', 'skipped')) AS unfinished,
           EXISTS (SELECT FROM lethe.requests WHERE id = ${requestId} AND cancelled_at IS NOT NULL)
             OR EXISTS (SELECT FROM lethe.submitted_identities WHERE request_id = ${requestId} AND withdrawn_at IS NOT NULL) AS early
    FROM lethe.subjects WHERE request_id = ${requestId}`;
  if (ends === undefined || ends.open > 0 || ends.unfinished > 0) return null;
  if (ends.partially > 0) return 'partially_completed';
  if (ends.deleted > 0) return 'completed';
  return ends.cancelled > 0 || ends.early ? 'cancelled' : 'not_found';
}

/** The refusal to collect again outlives the request, as digests. */
async function keepSuppression(tx: Transaction, request: RequestRow, at: Date): Promise<void> {
  const id = newId('suppression', at.getTime());
  const kept = await tx`
    WITH named AS (
      SELECT DISTINCT ON (named.digest) project, kind, named.digest, key_id
      FROM lethe.identity_digests named JOIN lethe.subjects USING (project, kind, request_id, seq)
      WHERE request_id = ${request.id} AND state IN ('deleted', 'partially_deleted')),
    suppression AS (
      INSERT INTO lethe.suppressions (id, project, kind, request_id, since, told_at)
      SELECT ${id}, ${request.project}, ${request.subjectKind}, ${request.id}, ${at}, ${at} WHERE EXISTS (SELECT FROM named)
      RETURNING id)
    INSERT INTO lethe.suppression_digests (suppression_id, project, kind, digest, key_id)
    SELECT suppression.id, named.project, named.kind, named.digest, named.key_id FROM named, suppression`;
  if (kept.count === 0) return;
  const { project, id: requestId } = request;
  await recordAudit(tx, {
    at,
    project,
    requestId,
    actor: LETHE,
    action: 'suppression.placed',
    detail: { suppression: id, identities: kept.count },
  });
}

/** Who was meant, and who was to be told: from here on digests, positions and outcomes are left. */
export async function purgeIdentities(tx: Transaction, requestId: string): Promise<void> {
  await tx`UPDATE lethe.requests SET notify = NULL WHERE id = ${requestId} AND notify IS NOT NULL`;
  await tx`UPDATE lethe.submitted_identities SET value = NULL WHERE request_id = ${requestId} AND value IS NOT NULL`;
  await tx`UPDATE lethe.excepted_identities SET value = NULL WHERE request_id = ${requestId} AND value IS NOT NULL`;
  await tx`DELETE FROM lethe.excepted_digests WHERE request_id = ${requestId}`;
  await tx`DELETE FROM lethe.subject_identities WHERE request_id = ${requestId}`;
  await tx`DELETE FROM lethe.attention WHERE request_id = ${requestId}`;
}
