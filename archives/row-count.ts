import type { ExportFormat } from '../domain/vocabulary.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** Counts rows in a stream of chunks. In CSV, newlines inside quotes and the header do not count. */
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

  /** A doubled quote inside quotes toggles the state twice, so it needs no special case. */
  #csv(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE && !this.#quoted) this.#ends += 1;
    }
  }
}
