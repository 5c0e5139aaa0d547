import { type Context, Hono } from 'hono';
import { readArchive } from '../../archives/archive.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { openKey } from '../../db/exports/key.ts';
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
import { LATER, NOTHING, OFFER } from './pages.ts';

/** Several renewals fit into a lease, so a lost one ends nothing; and a revoked link is noticed soon enough. */
const RENEW_MS = 20_000;

/**
 * Where a link to an archive leads, for people: GET shows a page and changes nothing, its button POSTs and downloads.
 * Mail scanners follow links, and press no buttons.
 */
export function download(deps: ApiDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(requireHttps(deps.trustedProxies), async function unlisted(c, next) {
    c.header('X-Robots-Tag', 'noindex, nofollow');
    await next();
  });
  return app
    .get('/:token', (c) => c.html(OFFER))
    .post('/:token', async (c) => {
      try {
        const sha256 = linkDigest(c.req.param('token'));
        const transfer = sha256 === null ? null : await beginTransfer(deps.database, { sha256, at: deps.now() });
        return transfer === null ? c.html(NOTHING, 404) : await zipResponse(deps, c, transfer);
      } catch (error) {
        if (!(error instanceof StorageError) && !isStorageUnavailable(error)) throw error;
        deps.logger.warn({ requestId: c.get('requestId'), code: failureCode(error) }, 'an archive cannot be reached');
        c.header('Retry-After', '60');
        return c.html(LATER, 503);
      }
    });
}

/** The first piece is read before the answer begins: until then it can still be another one. */
async function zipResponse(deps: ApiDeps, c: Context<AppEnv>, transfer: Transfer): Promise<Response> {
  const connection = connectionOf(c.env);
  const { first, rest } = await opened(deps, transfer).catch(async (error: unknown) => {
    await releaseTransferLease(deps.database, transfer);
    throw error;
  });
  const body = archiveStream(deps, { transfer, first, rest, connection, call: c.get('requestId') });
  return c.body(body, 200, {
    'Content-Type': 'application/zip',
    'Content-Length': String(transfer.bytes),
    'Content-Disposition': `attachment; filename="lethe-export-${transfer.requestId.slice(-8)}.zip"`,
    'Accept-Ranges': 'none',
  });
}

async function opened({ keys, storage }: ApiDeps, transfer: Transfer) {
  const key = openKey(keys, transfer.requestId, transfer);
  const rest = readArchive(storage, key, transfer.object)[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done === true) throw new StorageError('damaged', 'an archive is empty');
  return { first: first.value, rest };
}

/** The connection of the caller that downloads. */
interface Connection {
  /** True once all of the answer has left for the network; false when the connection has gone before that. */
  readonly ended: Promise<boolean>;
  /** Ends it as if the caller had, so that no text of an error takes the place of what was not sent. */
  cut(): void;
}

/** Null where there is none: the app is asked within a process. */
function connectionOf({ incoming, outgoing }: AppEnv['Bindings'] = {}): Connection | null {
  if (outgoing === undefined) return null;
  const ended = new Promise<boolean>((resolve) => {
    outgoing.once('close', () => resolve(outgoing.writableFinished));
    if (outgoing.destroyed) resolve(false);
  });
  return { ended, cut: () => incoming?.socket.destroy?.() };
}

interface ArchiveStream {
  readonly transfer: Transfer;
  /** The plain archive: its first piece, and what follows. */
  readonly first: Uint8Array;
  readonly rest: AsyncIterator<Uint8Array>;
  readonly connection: Connection | null;
  /** Of the call, for the log. */
  readonly call: string;
}
type Controller = ReadableStreamDefaultController<Uint8Array>;

/**
 * An archive on its way. The link is used when everything has left for the network, and free again at once when it has
 * not. Meanwhile the transfer is renewed; where the link was revoked, or the archive destroyed, it is cut.
 */
function archiveStream(
  deps: ApiDeps,
  { transfer, first, rest, connection, call }: ArchiveStream,
): ReadableStream<Uint8Array> {
  const { database, logger, now } = deps;
  const about = { requestId: call, id: transfer.requestId, link: transfer.id };
  let held = first;
  let sent = 0;
  let leaseRenewedAt = now().getTime();
  let open = true;
  let renewal: NodeJS.Timeout;

  /** Once, however it ends. */
  const end = async (done: boolean): Promise<void> => {
    if (!open) return;
    open = false;
    clearInterval(renewal);
    const written = done ? completeTransfer(database, transfer, now()) : releaseTransferLease(database, transfer);
    rest.return?.().catch(() => undefined);
    try {
      await written;
      logger.info({ ...about, bytes: sent }, done ? 'downloaded' : 'a download broke off');
    } catch (error) {
      logger.error({ ...about, done, code: failureCode(error) }, 'the end of a download could not be written');
    }
  };
  const cut = async (controller: Controller, code: string): Promise<void> => {
    if (!open) return;
    logger.warn({ ...about, code }, 'a download is cut');
    const released = end(false);
    connection?.cut();
    await released;
    if (connection === null) controller.error(new Error('the download was cut'));
  };
  const renew = async (controller: Controller): Promise<void> => {
    const at = now();
    try {
      if (await renewTransferLease(database, transfer, at)) leaseRenewedAt = at.getTime();
      else await cut(controller, 'ended');
    } catch (error) {
      // A ledger that is away for a moment is no reason; after the lease another may have taken the link.
      if (at.getTime() - leaseRenewedAt >= LEASE_MS) await cut(controller, failureCode(error));
    }
  };
  /** The last piece is sent only when the archive is known to be whole, so a complete download is an intact one. */
  const pull = async (controller: Controller): Promise<void> => {
    const next = await rest.next();
    if (!open) return;
    sent += held.length;
    if (next.done === true && sent !== transfer.bytes) throw new StorageError('damaged', 'an archive is not whole');
    controller.enqueue(held);
    if (next.done !== true) {
      held = next.value;
      return;
    }
    if (connection === null) await end(true);
    controller.close();
  };

  void connection?.ended.then(end);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        renewal = setInterval(() => void renew(controller), deps.renewTransfersMs ?? RENEW_MS).unref();
      },
      pull: (controller) => pull(controller).catch((error: unknown) => cut(controller, failureCode(error))),
      cancel: () => end(false),
    },
    // Nothing is read before it can be sent.
    { highWaterMark: 0 },
  );
}

/** A closed code, never a text. */
const failureCode = (error: unknown): string =>
  error instanceof StorageError ? error.code : (errorCode(error) ?? 'unknown');
