import { type Context, Hono } from 'hono';
import { readArchive } from '../../archives/archive.ts';
import { StorageError } from '../../archives/storage/storage.ts';
import { openKey } from '../../db/exports/key.ts';
import { linkDigest } from '../../db/links/link-text.ts';
import { beginTransfer, releaseLink, type Transfer } from '../../db/links/transfers.ts';
import { isStorageUnavailable } from '../../db/errors.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { requireHttps } from '../http/require-https.ts';
import { lineOf } from './stream.ts';
import { LATER, NOTHING, OFFER } from './pages.ts';
import { failureCode, sending } from './lease.ts';

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
  const line = lineOf(c.env);
  const { first, rest } = await opened(deps, transfer).catch(async (error: unknown) => {
    await releaseLink(deps.database, transfer);
    throw error;
  });
  const body = sending(deps, { transfer, first, rest, line, call: c.get('requestId') });
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
