import type { ArchiveFacts } from '../../domain/archive.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ArchiveEnd } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import { invalidateDestroyedBackup, extendBackup } from '../backups/keep.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';

/** Null until it is ready for the first time; what is destroyed is still told of. */
export async function readArchiveFacts(queries: Queries, requestId: string): Promise<ArchiveFacts | null> {
  const [row] = await queries<ArchiveFacts[]>`
    SELECT rows, bytes, encode(sha256, 'hex') AS sha256, ready_at, expires_at, destroyed_at, reason
    FROM lethe.archives WHERE request_id = ${requestId}`;
  return row ?? null;
}

/**
 * Destroys the key at a member's word: from here on nobody can read the archive, and its objects are waste that the workflow
 * takes away. Throws `archive_not_ready` where there is none to destroy (any more).
 */
export async function destroyArchive(
  database: Database,
  end: { readonly requestId: string; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, at } = end;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.status !== 'ready') throw new DomainError('archive_not_ready', 'there is no archive to destroy');
    await destroy(tx, request, { ...end, reason: 'destroyed' });
    return { wake: [requestId, ...(await invalidateDestroyedBackup(tx, request, at))] };
  });
}

/** The same when its time is over, unless it is a backup and somebody in it is still to be claimed. */
export async function expireArchive(
  database: Database,
  end: { readonly requestId: string; readonly at: Date; readonly keptMs: number },
): Promise<void> {
  const { requestId, at } = end;
  const { project } = await readRequestRow(database, requestId);
  await withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.status !== 'ready' || (await extendBackup(tx, request, end))) return;
    await destroy(tx, request, { actor: LETHE, at, reason: 'expired' });
  });
}

async function destroy(
  tx: Transaction,
  { id: requestId, project }: RequestRow,
  { actor, at, reason }: { readonly actor: string; readonly at: Date; readonly reason: ArchiveEnd },
): Promise<void> {
  await destroyKey(tx, requestId);
  await tx`UPDATE lethe.archives SET destroyed_at = ${at}, reason = ${reason} WHERE request_id = ${requestId}`;
  await tx`UPDATE lethe.requests SET status = 'expired' WHERE id = ${requestId}`;
  await enqueueNotifications(tx, requestId, at);
  await recordAudit(tx, { at, project, requestId, actor, action: 'archive.destroyed', detail: { reason } });
  await raiseWake(tx, [requestId]);
}

/** The shredding: whatever of the request lies in the storage, and in its backups, opens with nothing else. */
export async function destroyKey(tx: Transaction, requestId: string): Promise<void> {
  await tx`DELETE FROM lethe.archive_keys WHERE request_id = ${requestId}`;
}
