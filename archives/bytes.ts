import { createHash } from 'node:crypto';
import { type Transform, Readable, pipeline } from 'node:stream';

/** Pipes the bytes through a Node.js stream. An early return or an error also closes the source. */
export async function* pipeThrough(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  // An error of either stream reaches the reader of `transform`.
  pipeline(Readable.from(bytes, { objectMode: false }), transform, () => {});
  yield* transform as AsyncIterable<Uint8Array>;
}

/** Joins chunks to at least `least` bytes, except the last one. zlib is ten times slower when it is fed row by row. */
export async function* coalesce(bytes: AsyncIterable<Uint8Array>, least: number): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    pending.push(piece);
    size += piece.length;
    if (size < least) continue;
    yield pending.length === 1 ? piece : Buffer.concat(pending);
    pending = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(pending);
}

/** Splits a stream into chunks of exactly `size` bytes; only the last one is shorter. The receiver owns each chunk. */
export async function* splitIntoPieces(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + size - filled);
      piece.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled < size) continue;
      yield piece;
      [piece, filled] = [new Uint8Array(size), 0];
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Computes the length and the SHA-256 of the bytes that pass through `observe`. */
export class StreamMeter {
  #bytes = 0;
  readonly #hash = createHash('sha256');

  get bytes(): number {
    return this.#bytes;
  }

  /** In hexadecimal. Can be called only once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  async *observe(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      this.#hash.update(piece);
      this.#bytes += piece.length;
      yield piece;
    }
  }
}
