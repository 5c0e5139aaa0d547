import { StorageError } from '../../archives/storage/storage.ts';
import { LEASE_MS, releaseLink, type Transfer, transferDone, transferGoesOn } from '../../db/links/transfers.ts';
import { errorCode } from '../../db/errors.ts';
import type { ApiDeps } from '../deps.ts';
import type { Line } from './stream.ts';

/** Several within a lease, so that one that is slow or lost ends nothing; and soon enough for what is revoked. */
const RENEW_MS = 20_000;

export interface Sending {
  readonly transfer: Transfer;
  /** The plain archive: its first piece, and what follows. */
  readonly first: Uint8Array;
  readonly rest: AsyncIterator<Uint8Array>;
  readonly line: Line | null;
  /** Of the call, for the log. */
  readonly call: string;
}
type Controller = ReadableStreamDefaultController<Uint8Array>;

/**
 * An archive on its way. The link is used when everything has left for the network, and free again at once when it has
 * not. Meanwhile the transfer is renewed; where the link was revoked, or the archive destroyed, it is cut.
 */
export function sending(deps: ApiDeps, { transfer, first, rest, line, call }: Sending): ReadableStream<Uint8Array> {
  const { database, logger, now } = deps;
  const about = { requestId: call, id: transfer.requestId, link: transfer.id };
  let held = first;
  let sent = 0;
  let aliveAt = now().getTime();
  let open = true;
  let renewal: NodeJS.Timeout;

  /** Once, however it ends. */
  const end = async (done: boolean): Promise<void> => {
    if (!open) return;
    open = false;
    clearInterval(renewal);
    const written = done ? transferDone(database, transfer, now()) : releaseLink(database, transfer);
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
    line?.cut();
    await released;
    if (line === null) controller.error(new Error('the download was cut'));
  };
  const renew = async (controller: Controller): Promise<void> => {
    const at = now();
    try {
      if (await transferGoesOn(database, transfer, at)) aliveAt = at.getTime();
      else await cut(controller, 'ended');
    } catch (error) {
      // A ledger that is away for a moment is no reason; after the lease another may have taken the link.
      if (at.getTime() - aliveAt >= LEASE_MS) await cut(controller, failureCode(error));
    }
  };
  /** The last piece is handed over when it is known to be the last: whoever has all the bytes has them as they were stored. */
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
    if (line === null) await end(true);
    controller.close();
  };

  void line?.ended.then(end);
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
export const failureCode = (error: unknown): string =>
  error instanceof StorageError ? error.code : (errorCode(error) ?? 'unknown');
