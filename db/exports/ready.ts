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
import { collectionsOf, readParts } from './collections.ts';
import { exportWindow } from './window.ts';

/** What is to be packed, as of one epoch: an archive of it is ready only while that one lasts. */
export interface Packing {
  readonly epoch: number;
  readonly contents: Contents;
}

/** Null unless everything is collected and nothing is packed yet. */
export async function readPacking(database: Database, requestId: string, packagedAt: Date): Promise<Packing | null> {
  const request = await readRequestRow(database, requestId);
  if (request.status !== 'packaging') return null;
  const [collections, parts, subjects] = await Promise.all([
    collectionsOf(database, request),
    readParts(database, request),
    countWanted(database, requestId),
  ]);
  if (subjects === 0 || collections.some(({ collected }) => !collected)) return null;
  const processors = Object.keys(request.processors ?? {})
    .toSorted()
    .map((processor) => ({
      processor,
      cutOffAt: collections.find((one) => one.processor === processor)?.cutOffAt ?? null,
    }));
  return { epoch: request.epoch, contents: { request: told(request, subjects), processors, parts, packagedAt } };
}

function told(request: RequestRow, subjects: number): Contents['request'] {
  const { id, project, subjectKind, regulation, scope, format, receivedAt } = request;
  if (format === null) throw new Error('an export has a format');
  return { id, project, subjectKind, regulation, scope, format, receivedAt, since: exportWindow(request), subjects };
}

async function countWanted(database: Database, requestId: string): Promise<number> {
  const [{ count } = { count: 0 }] = await database<{ count: number }[]>`
    SELECT count(*) FROM lethe.subjects WHERE request_id = ${requestId} AND state = 'wanted'`;
  return count;
}

export interface WrittenArchive {
  readonly requestId: string;
  readonly epoch: number;
  readonly object: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: Manifest;
}

/**
 * The archive that was written is the one that is handed out, unless who belongs in it has changed meanwhile (rule 17): a
 * compare-and-set on the epoch. With it the identities leave. Returns the requests to wake; null: it has changed.
 */
export async function storeArchive(
  database: Database,
  archive: WrittenArchive,
  { at, keptMs, window }: { readonly at: Date; readonly keptMs: number; readonly window: RunWindow },
): Promise<readonly string[] | null> {
  const { requestId, epoch, object, bytes, sha256, manifest } = archive;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.status !== 'packaging' || request.epoch !== epoch) return null;
    const exported =
      await tx`UPDATE lethe.subjects SET state = 'exported' WHERE request_id = ${requestId} AND state = 'wanted'`;
    if (exported.count === 0) return null;
    const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
    await tx`INSERT INTO lethe.archives (request_id, object, rows, bytes, sha256, ready_at, expires_at)
      VALUES (${requestId}, ${object}, ${rows}, ${bytes}, decode(${sha256}, 'hex'), ${at}, ${new Date(at.getTime() + keptMs)})`;
    await tx`UPDATE lethe.requests SET status = 'ready', receipt = ${JSON.stringify(manifest)}::text::json WHERE id = ${requestId}`;
    await enqueueNotifications(tx, requestId, at);
    await purgeIdentities(tx, requestId);
    const detail = { subjects: exported.count, rows, bytes, epoch };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'export.ready', detail });
    const wake = await finishBackup(tx, request, { window, at });
    await extendBackup(tx, request, { at, keptMs });
    return wake;
  });
}

/** The objects that are still needed: once the archive is ready, it alone. Null: nothing is ready. */
export async function readyObject(database: Database, requestId: string): Promise<string | null> {
  const [row] = await database<{ object: string }[]>`
    SELECT object FROM lethe.archives WHERE request_id = ${requestId} AND destroyed_at IS NULL`;
  return row?.object ?? null;
}
