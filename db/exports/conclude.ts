import { eq, sql } from 'drizzle-orm';
import type { RunWindow } from '../../domain/calendar.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { finishBackup } from '../backups/finish.ts';
import type { Database, Transaction } from '../client.ts';
import { purgeIdentities } from '../deletion/conclude.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { archiveKeys } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects, submittedIdentities } from '../schema/subjects.ts';
import { hasNoValidIdentity, NO_VALID_IDENTITY } from '../subjects/outcome.ts';

/**
 * Concludes an export whose objects are deleted from the storage. An export that was never ready becomes `not_found`,
 * `cancelled` if subjects were cancelled or left out, or `failed` if no identity names one subject. Idempotent. Returns the requests to signal.
 */
export async function concludeExport(
  database: Database,
  input: { readonly requestId: string; readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { requestId, at, window } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    return request.concludedAt === null ? concludeLocked(tx, request, { at, window }) : [];
  });
}

/** `concludeExport` in a transaction that holds the project lock and has read the open request. */
export async function concludeLocked(
  tx: Transaction,
  request: RequestRow,
  { at, window }: { readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { id: requestId, project } = request;
  const { status, leftOut } = await finalStatusOf(tx, requestId, request.status);
  const failure = status === 'failed' ? NO_VALID_IDENTITY : null;
  await tx.update(requests).set({ status, failure, concludedAt: at }).where(eq(requests.id, requestId));
  const code = failure === null ? {} : { code: failure };
  const detail = { submitted: request.submitted, ...(leftOut > 0 ? { leftOut } : {}), ...code };
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: `export.${status}`, detail });
  if (status !== request.status) await enqueueNotifications(tx, requestId, at);
  await purgeIdentities(tx, requestId);
  return status === 'expired' ? [] : finishBackup(tx, request, { window, at });
}

async function finalStatusOf(
  tx: Transaction,
  requestId: string,
  status: Status,
): Promise<{ readonly status: Status; readonly leftOut: number }> {
  const [counts] = await tx
    .select({
      selected: sql<number>`count(*) FILTER (WHERE state = 'selected')`,
      cancelled: sql<number>`count(*) FILTER (WHERE state = 'cancelled')`,
      leftOut: sql<number>`count(*) FILTER (WHERE state = 'left_out')`,
      cancelledEarly: sql<boolean>`EXISTS (SELECT FROM ${requests} WHERE id = ${requestId} AND cancelled_at IS NOT NULL)
        OR EXISTS (SELECT FROM ${submittedIdentities} WHERE request_id = ${requestId} AND withdrawn_at IS NOT NULL)`,
      noValidIdentity: hasNoValidIdentity(requestId),
      hasKey: sql<boolean>`EXISTS (SELECT FROM ${archiveKeys} WHERE request_id = ${requestId})`,
    })
    .from(subjects)
    .where(eq(subjects.requestId, requestId));
  if (counts === undefined || counts.selected > 0 || counts.hasKey) throw new Error('the export is still open');
  const { leftOut } = counts;
  if (status === 'expired') return { status, leftOut };
  if (counts.cancelled > 0 || leftOut > 0 || counts.cancelledEarly) return { status: 'cancelled', leftOut };
  return { status: counts.noValidIdentity ? 'failed' : 'not_found', leftOut };
}
