import { unavailable } from '../../http/index.ts';

/** Reads exact numbers of bytes from a stream. Throws a retryable error when the stream ends too early. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether as many bytes are left. */
  async has(length: number): Promise<boolean> {
    while (this.#buffer.length < length) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
    return true;
  }

  async read(length: number): Promise<Buffer> {
    if (!(await this.has(length))) throw unavailable('file_ended_early');
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return bytes;
  }

  /** The next bytes in the pieces in which they arrive. */
  async *take(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (!(await this.has(1))) throw unavailable('file_ended_early');
      const piece = await this.read(Math.min(left, this.#buffer.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** Reads to the end, so that the connection is free again. */
  async skip(): Promise<void> {
    this.#buffer = Buffer.alloc(0);
    while (!((await this.#source.next()).done === true));
  }
}
