import type { ExportFormat } from '../domain/vocabulary.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** Counts rows in what passes in pieces; a newline inside quotes of CSV ends none, and its header is none. */
export class RowCount {
  #ends = 0;
  #quoted = false;
  readonly #format: ExportFormat;

  constructor(format: ExportFormat) {
    this.#format = format;
  }

  get rows(): number {
    return this.#format === 'csv' ? Math.max(0, this.#ends - 1) : this.#ends;
  }

  add(piece: Uint8Array): void {
    const plain = this.#format === 'ndjson' || (!this.#quoted && !piece.includes(QUOTE));
    if (plain) this.#lines(piece);
    else this.#csv(piece);
  }

  #lines(piece: Uint8Array): void {
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) this.#ends += 1;
  }

  /** A quote inside quotes is doubled: out and in again. */
  #csv(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE && !this.#quoted) this.#ends += 1;
    }
  }
}
