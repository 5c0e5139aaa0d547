import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { createGunzip, createInflateRaw } from 'node:zlib';

type Bytes = AsyncIterable<Uint8Array>;

/** The decompressed bytes of a raw deflate stream, as they arrive. */
export const inflated = (bytes: Bytes): AsyncGenerator<Uint8Array> => through(bytes, createInflateRaw());
export const gunzipped = (bytes: Bytes): AsyncGenerator<Uint8Array> => through(bytes, createGunzip());

async function* through(bytes: Bytes, transform: Transform): AsyncGenerator<Uint8Array> {
  const fed = feed(bytes, transform);
  try {
    for await (const piece of transform) yield Buffer.from(piece as Uint8Array);
  } finally {
    transform.destroy();
    await fed;
  }
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
