import { eq, sql } from 'drizzle-orm';
import type { ArchiveFacts } from '../../domain/archive.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ArchiveEnd } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import { extendBackup, invalidateDestroyedBackup } from '../backups/keep.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { archiveKeys, archives, archiveStorage } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';

/** Reads the state of an archive, also after it is destroyed. Null if the export was never ready. */
export async function readArchiveFacts(queries: Queries, requestId: string): Promise<ArchiveFacts | null> {
  const [facts] = await queries
    .select({
      removedSubjects: archives.removedSubjects,
      rows: sql<number | null>`CASE WHEN ${isComplete} THEN ${archives.rows}::float8 END`,
      bytes: sql<number | null>`CASE WHEN ${isComplete} THEN ${archives.bytes}::float8 END`,
      sha256: sql<string | null>`CASE WHEN ${isComplete} THEN encode(${archives.sha256}, 'hex') END`,
      readyAt: archives.readyAt,
      expiresAt: archives.expiresAt,
      destroyedAt: archives.destroyedAt,
      reason: archives.reason,
    })
    .from(archives)
    .where(eq(archives.requestId, requestId));
  return facts ?? null;
}

const isComplete = sql`${archives.removedSubjects} = 0`;

/**
 * Destroys the key of an archive for a member. The archive cannot be read afterwards, and the workflow deletes its
 * objects. Throws `archive_not_ready` unless the archive is ready.
 */
export async function destroyArchive(
  database: Database,
  end: { readonly requestId: string; readonly actor: string; readonly at: Date },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, at } = end;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.status !== 'ready')
      throw new DomainError(
        'archive_not_ready',
        'The export has no archive that can be destroyed. Nothing was changed; see `archive` of the request.',
      );
    await destroy(tx, request, { ...end, reason: 'destroyed' });
    return { wake: [requestId, ...(await invalidateDestroyedBackup(tx, request, at))] };
  });
}

/** Destroys the key of an expired archive. A backup is kept while one of its subjects waits for a claim (rule 18). */
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
  await tx.update(archives).set({ destroyedAt: at, reason }).where(eq(archives.requestId, requestId));
  await tx.update(requests).set({ status: 'expired' }).where(eq(requests.id, requestId));
  await enqueueNotifications(tx, requestId, at);
  await recordAudit(tx, { at, project, requestId, actor, action: 'archive.destroyed', detail: { reason } });
  await raiseWake(tx, [requestId]);
}

/** Deletes the keys that decrypt the request's objects, in the storage and in copies of it (crypto-shredding). */
export async function destroyKey(tx: Transaction, requestId: string): Promise<void> {
  await tx.delete(archiveKeys).where(eq(archiveKeys.requestId, requestId));
}

/** Records the storage of this ledger's archives, or throws if this process has another storage. */
export async function requireSameStorage(database: Database, mark: string): Promise<void> {
  await database.insert(archiveStorage).values({ mark }).onConflictDoNothing();
  const [recorded] = await database.select({ mark: archiveStorage.mark }).from(archiveStorage);
  if (recorded?.mark !== mark)
    throw new Error(
      'LETHE_ARCHIVES is not the storage that contains the archives of this ledger: configure the same storage for the API and all workers (docs/operations.md, Archives)',
    );
}
