import type { ArchiveFacts } from '../../domain/archive.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ArchiveEnd } from '../../domain/vocabulary.ts';
import { announce } from '../announce.ts';
import { raiseWake, recordAudit } from '../audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { underProjectLock } from '../project-lock.ts';
import { readRequestRow } from '../request-row.ts';

/** Null until it is ready for the first time; what is destroyed is still told of. */
export async function readArchiveFacts(queries: Queries, requestId: string): Promise<ArchiveFacts | null> {
  const [row] = await queries<ArchiveFacts[]>`
    SELECT rows, bytes, encode(sha256, 'hex') AS sha256, ready_at, expires_at, destroyed_at, reason
    FROM lethe.archives WHERE request_id = ${requestId}`;
  return row ?? null;
}

/**
 * Destroys the key: from here on nobody can read the archive, and its objects are waste that the workflow takes away.
 * Throws `archive_not_ready` where there is none to destroy (any more); one that ended by itself is left as it is.
 */
export async function destroyArchive(
  database: Database,
  end: { readonly requestId: string; readonly reason: ArchiveEnd; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, reason, actor, at } = end;
  const { project } = await readRequestRow(database, requestId);
  return underProjectLock(database, project, async (tx) => {
    const { status } = await readRequestRow(tx, requestId);
    if (status === 'expired' && reason === 'expired') return { wake: [] };
    if (status !== 'ready') throw new DomainError('archive_not_ready', 'there is no archive to destroy');
    await destroyKey(tx, requestId);
    await tx`UPDATE lethe.archives SET destroyed_at = ${at}, reason = ${reason} WHERE request_id = ${requestId}`;
    await tx`UPDATE lethe.requests SET status = 'expired' WHERE id = ${requestId}`;
    await announce(tx, requestId, at);
    await recordAudit(tx, { at, project, requestId, actor, action: 'archive.destroyed', detail: { reason } });
    await raiseWake(tx, [requestId]);
    return { wake: [requestId] };
  });
}

/** The shredding: whatever of the request lies in the storage, and in its backups, opens with nothing else. */
export async function destroyKey(tx: Transaction, requestId: string): Promise<void> {
  await tx`DELETE FROM lethe.archive_keys WHERE request_id = ${requestId}`;
}
