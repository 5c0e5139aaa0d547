import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { createGunzip, createInflateRaw } from 'node:zlib';
import { refused, unavailable } from '../../http/index.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** The decompressed bytes of a raw deflate stream, as they arrive. */
export const inflated = (bytes: Bytes): AsyncGenerator<Uint8Array> => through(bytes, createInflateRaw());
export const gunzipped = (bytes: Bytes): AsyncGenerator<Uint8Array> => through(bytes, createGunzip());

async function* through(bytes: Bytes, transform: Transform): AsyncGenerator<Uint8Array> {
  const fed = feed(bytes, transform);
  try {
    for await (const piece of transform) yield Buffer.from(piece as Uint8Array);
  } catch (error) {
    throw toFileError(error);
  } finally {
    transform.destroy();
    await fed;
  }
}

/** Data that ends early can be whole at the next attempt; other errors of zlib say that it never will. */
function toFileError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR') return unavailable('file_ended_early');
  return code.startsWith('Z_') ? refused('file_is_damaged') : error;
}

/** Does not throw: an error of the source ends the transform with it. */
async function feed(bytes: Bytes, transform: Transform): Promise<void> {
  try {
    for await (const piece of bytes) {
      if (transform.destroyed) return;
      if (!transform.write(piece)) await Promise.race([once(transform, 'drain'), once(transform, 'close')]);
    }
    transform.end();
  } catch (error) {
    transform.destroy(error instanceof Error ? error : new Error('the data ended early'));
  }
}
