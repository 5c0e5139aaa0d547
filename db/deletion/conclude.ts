import { and, eq, isNotNull, sql } from 'drizzle-orm';
import type { SystemEntry } from '../../domain/catalog.ts';
import { isTerminal, type TerminalStatus } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import {
  exceptedDigests,
  exceptedIdentities,
  foreignIds,
  subjectIdentities,
  subjects,
  submittedIdentities,
} from '../schema/subjects.ts';
import { waits } from '../schema/systems.ts';
import { attention, batchWork, rangeTickets } from '../schema/work.ts';
import { settleSuppressions } from '../suppressions/settle.ts';
import { closeTasks } from '../tasks/answer.ts';
import { hasNoValidIdentity, NO_VALID_IDENTITY } from '../subjects/outcome.ts';
import { buildReceipt } from './receipt.ts';

/**
 * Concludes a deletion: stores its final status and receipt and purges its identities, in one transaction. Throws while
 * a subject or batch is open (rule 14). Idempotent.
 */
export async function conclude(
  database: Database,
  input: { readonly requestId: string; readonly at: Date; readonly systems?: readonly SystemEntry[] },
): Promise<{ readonly status: TerminalStatus }> {
  const { requestId } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (isTerminal(request.status)) return { status: request.status };
    return { status: await concludeLocked(tx, request, input) };
  });
}

/** `conclude` in a transaction that holds the project lock and has read the open request. */
export async function concludeLocked(
  tx: Transaction,
  request: RequestRow,
  { at, systems }: { readonly at: Date; readonly systems?: readonly SystemEntry[] },
): Promise<TerminalStatus> {
  const { id: requestId, project } = request;
  const status = await finalStatusOf(tx, requestId);
  if (status === null || (await hasOpenSuppression(tx, request, at))) throw new Error('the deletion is still open');
  const ofRequest = eq(requests.id, requestId);
  const failure = status === 'failed' ? NO_VALID_IDENTITY : null;
  await tx.update(requests).set({ status, failure, concludedAt: at }).where(ofRequest);
  await enqueueNotifications(tx, requestId, at);
  await closeTasks(tx, { requestId }, at);
  await purgeIdentities(tx, requestId);
  const receipt = await buildReceipt(tx, requestId, systems);
  await tx.update(requests).set({ receipt }).where(ofRequest);
  await recordAudit(tx, {
    at,
    project,
    requestId,
    actor: LETHE,
    action: `request.${status}`,
    detail: { submitted: request.submitted, ...(failure === null ? {} : { code: failure }) },
  });
  return status;
}

/**
 * The final status. Null while a subject or batch is open. `cancelled` if no subject was deleted and at least one
 * cancelled. `failed` if nothing was found because no identity names one subject.
 */
async function finalStatusOf(tx: Transaction, requestId: string): Promise<TerminalStatus | null> {
  const [counts] = await tx.execute<
    Record<'open' | 'deleted' | 'partiallyDeleted' | 'cancelled' | 'unfinished', number> & {
      cancelledEarly: boolean;
      noValidIdentity: boolean;
    }
  >(sql`
    SELECT count(*) FILTER (WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'cancelling', 'attached')) AS open,
           count(*) FILTER (WHERE state = 'deleted') AS deleted,
           count(*) FILTER (WHERE state = 'partially_deleted') AS partially_deleted,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           (SELECT count(*) FROM ${batchWork} WHERE request_id = ${requestId}
             AND state NOT IN ('verified', 'attested', 'unverified', 'skipped')) AS unfinished,
           EXISTS (SELECT FROM ${requests} WHERE id = ${requestId} AND cancelled_at IS NOT NULL)
             OR EXISTS (SELECT FROM ${submittedIdentities} WHERE request_id = ${requestId} AND withdrawn_at IS NOT NULL) AS cancelled_early,
           ${hasNoValidIdentity(requestId)} AS no_valid_identity
    FROM ${subjects} WHERE request_id = ${requestId}`);
  if (counts === undefined || counts.open > 0 || counts.unfinished > 0) return null;
  if (counts.partiallyDeleted > 0) return 'partially_completed';
  if (counts.deleted > 0) return 'completed';
  if (counts.cancelled > 0 || counts.cancelledEarly) return 'cancelled';
  return counts.noValidIdentity ? 'failed' : 'not_found';
}

/** Whether a suppression that the request leaves is missing in a system. Without the identities none can be placed. */
async function hasOpenSuppression(tx: Transaction, request: RequestRow, at: Date): Promise<boolean> {
  const { isDue, isPending } = await settleSuppressions(tx, request, { configured: [], at });
  return isDue || isPending;
}

/**
 * Purges the identities, what systems know the subjects by, and the address to notify. Digests, positions and outcomes
 * remain (rule 14).
 */
export async function purgeIdentities(tx: Transaction, requestId: string): Promise<void> {
  await tx
    .update(requests)
    .set({ notify: null })
    .where(and(eq(requests.id, requestId), isNotNull(requests.notify)));
  await tx
    .update(submittedIdentities)
    .set({ value: null, canonical: null })
    .where(and(eq(submittedIdentities.requestId, requestId), isNotNull(submittedIdentities.value)));
  await tx
    .update(exceptedIdentities)
    .set({ value: null })
    .where(and(eq(exceptedIdentities.requestId, requestId), isNotNull(exceptedIdentities.value)));
  for (const table of [exceptedDigests, subjectIdentities, foreignIds, rangeTickets, attention, waits]) {
    await tx.delete(table).where(eq(table.requestId, requestId));
  }
}
