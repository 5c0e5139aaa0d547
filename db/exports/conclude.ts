import type { RunWindow } from '../../domain/calendar.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { finishBackup } from '../backups/finish.ts';
import type { Database, Transaction } from '../client.ts';
import { purgeIdentities } from '../deletion/conclude.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow } from '../requests/row.ts';

/**
 * The end of an export whose objects are gone from the storage. One that was ready has expired before; of another it is
 * said now how it ended: `cancelled` also where a deletion took everybody in it. Doing it twice is as once. Returns the
 * requests to wake.
 */
export async function concludeExport(
  database: Database,
  input: { readonly requestId: string; readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { requestId, at, window } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) return [];
    const { status, leftOut } = await endOf(tx, requestId, request.status);
    await tx`UPDATE lethe.requests SET status = ${status}, concluded_at = ${at} WHERE id = ${requestId}`;
    const detail = { submitted: request.submitted, ...(leftOut > 0 ? { leftOut } : {}) };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: `export.${status}`, detail });
    if (status !== request.status) await enqueueNotifications(tx, requestId, at);
    await purgeIdentities(tx, requestId);
    return status === 'expired' ? [] : finishBackup(tx, request, { window, at });
  });
}

async function endOf(
  tx: Transaction,
  requestId: string,
  status: Status,
): Promise<{ readonly status: Status; readonly leftOut: number }> {
  const [ends] = await tx<{ wanted: number; cancelled: number; leftOut: number; early: boolean; key: boolean }[]>`
    SELECT count(*) FILTER (WHERE state = 'wanted') AS wanted, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           count(*) FILTER (WHERE state = 'left_out') AS left_out,
           EXISTS (SELECT FROM lethe.requests WHERE id = ${requestId} AND cancelled_at IS NOT NULL)
             OR EXISTS (SELECT FROM lethe.submitted_identities WHERE request_id = ${requestId} AND withdrawn_at IS NOT NULL) AS early,
           EXISTS (SELECT FROM lethe.archive_keys WHERE request_id = ${requestId}) AS key
    FROM lethe.subjects WHERE request_id = ${requestId}`;
  if (ends === undefined || ends.wanted > 0 || ends.key) throw new Error('something of the export is still open');
  const { leftOut } = ends;
  if (status === 'expired') return { status, leftOut };
  return { status: ends.cancelled > 0 || leftOut > 0 || ends.early ? 'cancelled' : 'not_found', leftOut };
}
