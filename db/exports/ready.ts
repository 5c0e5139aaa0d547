import { and, eq, isNull } from 'drizzle-orm';
import type { Contents, Manifest } from '../../domain/archive.ts';
import type { RunWindow } from '../../domain/calendar.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { finishBackup } from '../backups/finish.ts';
import { extendBackup } from '../backups/keep.ts';
import type { Database } from '../client.ts';
import { purgeIdentities } from '../deletion/conclude.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { collectionsOf, readParts } from './collections.ts';
import { exportWindow } from './reconcile.ts';

/** The contents of an archive to pack in one epoch. It becomes ready only if the epoch has not changed (rule 17). */
export interface PendingArchive {
  readonly epoch: number;
  readonly contents: Contents;
}

/** Reads the contents of the archive to pack. Null unless every system is collected and no archive is stored. */
export async function readPendingArchive(
  database: Database,
  requestId: string,
  packagedAt: Date,
): Promise<PendingArchive | null> {
  const request = await readRequestRow(database, requestId);
  if (request.status !== 'packaging') return null;
  const [collections, parts, selected] = await Promise.all([
    collectionsOf(database, request),
    readParts(database, request),
    database.$count(subjects, isSelected(requestId)),
  ]);
  if (selected === 0 || collections.some(({ collected }) => !collected)) return null;
  const systems = Object.keys(request.systems ?? {})
    .toSorted()
    .map((system) => ({
      system,
      cutOffAt: collections.find((collection) => collection.system === system)?.cutOffAt ?? null,
    }));
  return {
    epoch: request.epoch,
    contents: { request: describeRequest(request, selected), systems, parts, packagedAt },
  };
}

function describeRequest(request: RequestRow, selected: number): Contents['request'] {
  const { id, project, subjectKind, regulation, scope, format, receivedAt } = request;
  if (format === null) throw new Error('an export has a format');
  return {
    id,
    project,
    subjectKind,
    regulation,
    scope,
    format,
    receivedAt,
    since: exportWindow(request),
    subjects: selected,
  };
}

const isSelected = (requestId: string) => and(eq(subjects.requestId, requestId), eq(subjects.state, 'selected'));

/** An archive whose parts are in the storage, but which cannot be downloaded yet. */
export interface WrittenArchive {
  readonly requestId: string;
  readonly epoch: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: Manifest;
}

/**
 * Makes a written archive ready by a compare-and-set on the epoch (rule 17), and purges the identities. Returns the
 * requests to signal, or null if the export's subjects have changed.
 */
export async function storeArchive(
  database: Database,
  archive: WrittenArchive,
  { at, keptMs, window }: { readonly at: Date; readonly keptMs: number; readonly window: RunWindow },
): Promise<readonly string[] | null> {
  const { requestId, epoch, bytes, sha256, manifest } = archive;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.status !== 'packaging' || request.epoch !== epoch) return null;
    const exported = await tx.update(subjects).set({ state: 'exported' }).where(isSelected(requestId));
    if (exported.count === 0) return null;
    const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
    await tx.insert(archives).values({
      requestId,
      epoch,
      subjects: exported.count,
      rows,
      bytes,
      sha256: Buffer.from(sha256, 'hex'),
      readyAt: at,
      expiresAt: new Date(at.getTime() + keptMs),
    });
    await tx.update(requests).set({ status: 'ready', receipt: manifest }).where(eq(requests.id, requestId));
    await enqueueNotifications(tx, requestId, at);
    await purgeIdentities(tx, requestId);
    const detail = { subjects: exported.count, rows, bytes, epoch };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'export.ready', detail });
    const wake = await finishBackup(tx, request, { window, at });
    await extendBackup(tx, request, { at, keptMs });
    return wake;
  });
}

/** The objects of the ready archive, the only ones that the export still needs. Null if no archive is ready. */
export async function readyObjects(database: Database, requestId: string): Promise<readonly string[] | null> {
  const [row] = await database
    .select({ epoch: archives.epoch })
    .from(archives)
    .where(and(eq(archives.requestId, requestId), isNull(archives.destroyedAt)));
  if (row === undefined) return null;
  return (await readParts(database, { id: requestId, ...row })).map(({ object }) => object);
}
