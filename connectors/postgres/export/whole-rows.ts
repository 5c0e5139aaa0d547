/** Minimum size of a buffer, except the last: zlib is ten times slower when it is fed row by row. */
const MIN_BUFFER_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** Finds and counts the ends of rows in a stream. A newline inside quotes of CSV does not end a row. */
export class RowEnds {
  #rows = 0;
  #isQuoted = false;
  readonly #hasQuotes: boolean;

  constructor(format: 'ndjson' | 'csv') {
    this.#hasQuotes = format === 'csv';
  }

  get rows(): number {
    return this.#rows;
  }

  /** The length of the piece up to the end of its last complete row. */
  completeLength(piece: Buffer): number {
    const hasNoQuotes = !this.#hasQuotes || (!this.#isQuoted && !piece.includes(QUOTE));
    return hasNoQuotes ? this.#lineLength(piece) : this.#csvLength(piece);
  }

  #lineLength(piece: Buffer): number {
    let end = 0;
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, end)) {
      end = at + 1;
      this.#rows += 1;
    }
    return end;
  }

  /** A doubled quote inside quotes toggles twice, so it changes nothing. */
  #csvLength(piece: Buffer): number {
    let end = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at];
      if (byte === QUOTE) this.#isQuoted = !this.#isQuoted;
      else if (byte === NEWLINE && !this.#isQuoted) {
        end = at + 1;
        this.#rows += 1;
      }
    }
    return end;
  }
}

/** Yields buffers of complete rows. Holds one buffer in memory, or one larger row. */
export async function* wholeRows(pieces: AsyncIterable<Buffer>, ends: RowEnds): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    const complete = ends.completeLength(piece);
    if (complete > 0 && size + complete >= MIN_BUFFER_BYTES) {
      yield Buffer.concat([...pending, piece.subarray(0, complete)]);
      pending = [];
      size = 0;
      if (complete === piece.length) continue;
      pending.push(piece.subarray(complete));
    } else pending.push(piece);
    size += pending.at(-1)?.length ?? 0;
  }
  if (size > 0) yield Buffer.concat(pending);
}
