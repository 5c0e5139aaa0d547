/** A zlib that is fed row by row is ten times slower: what is handed on is at least this large, but the last. */
const COALESCED = 64 * 1024;

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** Finds the ends of rows in what arrives in pieces, and counts them. A newline inside quotes of CSV ends no row. */
export class RowEnds {
  #rows = 0;
  #quoted = false;
  readonly #quotes: boolean;

  constructor(format: 'ndjson' | 'csv') {
    this.#quotes = format === 'csv';
  }

  get rows(): number {
    return this.#rows;
  }

  /** How much of the piece lies before the end of its last whole row. */
  wholeIn(piece: Buffer): number {
    const plain = !this.#quotes || (!this.#quoted && !piece.includes(QUOTE));
    return plain ? this.#lines(piece) : this.#csv(piece);
  }

  #lines(piece: Buffer): number {
    let end = 0;
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, end)) {
      end = at + 1;
      this.#rows += 1;
    }
    return end;
  }

  /** A quote inside quotes is doubled: in and out again. */
  #csv(piece: Buffer): number {
    let end = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at];
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE && !this.#quoted) {
        end = at + 1;
        this.#rows += 1;
      }
    }
    return end;
  }
}

/** Memory holds one buffer, or one row that is larger. */
export async function* wholeRows(pieces: AsyncIterable<Buffer>, ends: RowEnds): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    const whole = ends.wholeIn(piece);
    if (whole > 0 && size + whole >= COALESCED) {
      yield Buffer.concat([...held, piece.subarray(0, whole)]);
      held = [];
      size = 0;
      if (whole === piece.length) continue;
      held.push(piece.subarray(whole));
    } else held.push(piece);
    size += held.at(-1)?.length ?? 0;
  }
  if (size > 0) yield Buffer.concat(held);
}
