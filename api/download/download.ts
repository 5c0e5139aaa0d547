import { type Context, Hono } from 'hono';
import { readArchive } from '../../archives/archive.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { SubjectKeys } from '../../archives/subject-keys.ts';
import { readReadyArchive } from '../../db/exports/contents.ts';
import { decryptKey } from '../../db/exports/key.ts';
import {
  beginTransfer,
  completeTransfer,
  LEASE_MS,
  releaseTransferLease,
  renewTransferLease,
  linkDigest,
  type Transfer,
} from '../../db/exports/links.ts';
import { errorCode, isStorageUnavailable } from '../../db/errors.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { requireHttps } from '../http/require-https.ts';
import { DOWNLOAD_PAGE, INVALID_LINK_PAGE, UNAVAILABLE_PAGE } from './pages.ts';

/** A fraction of the lease, so that one failed renewal does not end a download and a revoked link ends it soon. */
const RENEW_MS = 20_000;

/**
 * Serves download links: GET shows a page and changes nothing, the button on it POSTs and downloads. Link scanners send
 * GET only, so they do not consume the download.
 */
export function download(deps: ApiDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(requireHttps(deps.trustedProxies), async function unlisted(c, next) {
    c.header('X-Robots-Tag', 'noindex, nofollow');
    await next();
  });
  return app
    .get('/:token', (c) => c.html(DOWNLOAD_PAGE))
    .post('/:token', async (c) => {
      try {
        const sha256 = linkDigest(c.req.param('token'));
        const transfer = sha256 === null ? null : await beginTransfer(deps.database, { sha256, at: deps.now() });
        return transfer === null ? c.html(INVALID_LINK_PAGE, 404) : await zipResponse(deps, c, transfer);
      } catch (error) {
        if (!(error instanceof StorageError) && !isStorageUnavailable(error)) throw error;
        deps.logger.warn({ requestId: c.get('requestId'), code: failureCode(error) }, 'archive unavailable');
        c.header('Retry-After', '60');
        return c.html(UNAVAILABLE_PAGE, 503);
      }
    });
}

/** Reads the first chunk before the response starts, so that a failure can still return an error page. */
async function zipResponse(deps: ApiDeps, c: Context<AppEnv>, transfer: Transfer): Promise<Response> {
  const connection = connectionOf(c.env);
  const opened = await openArchive(deps, transfer).catch(async (error: unknown) => {
    await releaseTransferLease(deps.database, transfer);
    throw error;
  });
  if (opened === null) return c.html(INVALID_LINK_PAGE, 404);
  const body = archiveStream(deps, { transfer, ...opened, connection, callId: c.get('requestId') });
  return c.body(body, 200, {
    'Content-Type': 'application/zip',
    // After a removal, the length is known only at the end.
    ...(opened.removedSubjects === 0 ? { 'Content-Length': String(transfer.bytes) } : {}),
    'Content-Disposition': `attachment; filename="lethe-export-${transfer.requestId.slice(-8)}.zip"`,
    'Accept-Ranges': 'none',
  });
}

/** Null if the archive has been destroyed meanwhile. */
async function openArchive({ database, keys, storage }: ApiDeps, transfer: Transfer) {
  const key = decryptKey(keys, transfer.requestId, transfer);
  const archive = await readReadyArchive(database, transfer.requestId);
  if (archive === null) {
    await releaseTransferLease(database, transfer);
    return null;
  }
  const subjects = new SubjectKeys(archive.subjectKeys);
  const rest = readArchive(storage, { key, subjects }, archive);
  const first = await rest.next();
  if (first.done === true) throw new StorageError('damaged', 'the archive is empty');
  return { first: first.value, rest, removedSubjects: archive.manifest.removedSubjects };
}

/** The connection of a download. */
interface Connection {
  /** True once the whole response has been sent; false when the connection closed before. */
  readonly ended: Promise<boolean>;
  /** Closes the connection, so that no error text is sent in place of the missing bytes. */
  close(): void;
}

/** Null when the app is called without a network connection, as in tests. */
function connectionOf({ incoming, outgoing }: AppEnv['Bindings'] = {}): Connection | null {
  if (outgoing === undefined) return null;
  const ended = new Promise<boolean>((resolve) => {
    outgoing.once('close', () => resolve(outgoing.writableFinished));
    if (outgoing.destroyed) resolve(false);
  });
  return { ended, close: () => incoming?.socket.destroy?.() };
}

interface ArchiveStream {
  readonly transfer: Transfer;
  /** The first chunk of the decrypted archive. `rest` yields the following chunks. */
  readonly first: Uint8Array;
  readonly rest: AsyncIterator<Uint8Array>;
  /** How many subjects were removed before the transfer. */
  readonly removedSubjects: number;
  readonly connection: Connection | null;
  /** The id of the call in the log. */
  readonly callId: string;
}
type Controller = ReadableStreamDefaultController<Uint8Array>;

/**
 * Streams an archive. The link becomes used once everything has been sent; after an interruption it can be used again
 * immediately. The lease is renewed meanwhile. The download is aborted when the link is
 * revoked, the archive destroyed or a subject removed from it.
 */
function archiveStream(
  deps: ApiDeps,
  { transfer, first, rest, removedSubjects, connection, callId }: ArchiveStream,
): ReadableStream<Uint8Array> {
  const { database, logger, now } = deps;
  const about = { requestId: callId, id: transfer.requestId, link: transfer.id };
  let pending = first;
  let sent = 0;
  let leaseRenewedAt = now().getTime();
  let isOpen = true;
  let renewal: NodeJS.Timeout;

  /** Idempotent: only the first call has an effect. */
  const finish = async (done: boolean): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(renewal);
    const update = done ? completeTransfer(database, transfer, now()) : releaseTransferLease(database, transfer);
    rest.return?.().catch(() => undefined);
    try {
      await update;
      logger.info({ ...about, bytes: sent }, done ? 'download completed' : 'download interrupted');
    } catch (error) {
      logger.error({ ...about, done, code: failureCode(error) }, 'the result of a download could not be stored');
    }
  };
  const abort = async (controller: Controller, code: string): Promise<void> => {
    if (!isOpen) return;
    logger.warn({ ...about, code }, 'download aborted');
    const released = finish(false);
    connection?.close();
    await released;
    if (connection === null) controller.error(new Error('the download was aborted'));
  };
  const renew = async (controller: Controller): Promise<void> => {
    const at = now();
    try {
      if (await renewTransferLease(database, transfer, { removedSubjects, at })) leaseRenewedAt = at.getTime();
      else await abort(controller, 'link_invalid');
    } catch (error) {
      // A short outage of the database is tolerated. Once the lease has expired, another download may use the link.
      if (at.getTime() - leaseRenewedAt >= LEASE_MS) await abort(controller, failureCode(error));
    }
  };
  /** Sends the last chunk only after the archive has proved complete, so that a finished download is intact. */
  const pull = async (controller: Controller): Promise<void> => {
    const next = await rest.next();
    if (!isOpen) return;
    sent += pending.length;
    if (next.done === true && removedSubjects === 0 && sent !== transfer.bytes)
      throw new StorageError('damaged', 'the archive is incomplete');
    controller.enqueue(pending);
    if (next.done !== true) {
      pending = next.value;
      return;
    }
    if (connection === null) await finish(true);
    controller.close();
  };

  void connection?.ended.then(finish);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        renewal = setInterval(() => void renew(controller), deps.renewTransfersMs ?? RENEW_MS).unref();
      },
      pull: (controller) => pull(controller).catch((error: unknown) => abort(controller, failureCode(error))),
      cancel: () => finish(false),
    },
    // Reads no chunk before it can be sent.
    { highWaterMark: 0 },
  );
}

/** Returns a code from a closed list, never an error message. */
const failureCode = (error: unknown): string =>
  error instanceof StorageError ? error.code : (errorCode(error) ?? 'unknown');
