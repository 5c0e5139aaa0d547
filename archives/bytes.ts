import { createHash } from 'node:crypto';
import { type Transform, Readable, pipeline } from 'node:stream';

/** Through one of Node's streams. Who leaves early, or meets an error, closes the source too. */
export async function* through(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  // An error of either reaches whoever reads.
  pipeline(Readable.from(bytes, { objectMode: false }), transform, () => {});
  yield* transform as AsyncIterable<Uint8Array>;
}

/** A zlib that is fed row by row is ten times slower: what is handed on has at least so many bytes, but for the last. */
export async function* coalesced(bytes: AsyncIterable<Uint8Array>, least: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    held.push(piece);
    size += piece.length;
    if (size < least) continue;
    yield held.length === 1 ? piece : Buffer.concat(held);
    held = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(held);
}

/** Length and SHA-256 of what has passed. */
export class Measure {
  #bytes = 0;
  readonly #hash = createHash('sha256');

  get bytes(): number {
    return this.#bytes;
  }

  /** In hexadecimal. Can be asked once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  async *of(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      this.#hash.update(piece);
      this.#bytes += piece.length;
      yield piece;
    }
  }
}
