import type { OwnedRows } from '../../connector.ts';
import type { RowEnds } from './whole-rows.ts';

/** Separates the owners from the row. NDJSON contains no control character, and owners no comma. */
export const OWNERS_END = { ndjson: '\u0002', csv: ',' } as const;

/** The rows of which the system cannot say whose they are. */
const UNKNOWN: readonly number[] = [0];

/** Yields the rows of the only subject. `ends` has counted the rows of each piece. A header belongs to no subject. */
export async function* rowsOfOne(
  pieces: AsyncIterable<Buffer>,
  ends: RowEnds,
  format: keyof typeof OWNERS_END,
  seq: number,
): AsyncGenerator<OwnedRows> {
  let hasHeader = format === 'csv';
  let counted = 0;
  for await (const piece of pieces) {
    const header = hasHeader ? csvRowEnd(piece, { from: 0, quote: 0 }) : 0;
    if (hasHeader) yield { owners: [], rows: 0, bytes: piece.subarray(0, header) };
    const rows = ends.rows - counted - (hasHeader ? 1 : 0);
    counted = ends.rows;
    hasHeader = false;
    if (rows > 0) yield { owners: [seq], rows, bytes: piece.subarray(header) };
  }
}

/** Removes the owners from the beginning of each row, and yields consecutive rows of the same owners together. */
export async function* rowsByOwners(
  pieces: AsyncIterable<Buffer>,
  format: keyof typeof OWNERS_END,
): AsyncGenerator<OwnedRows> {
  const end = OWNERS_END[format].codePointAt(0) ?? 0;
  let isHeader = format === 'csv';
  for await (const piece of pieces) {
    const bytes = Buffer.allocUnsafe(piece.length);
    let [written, start, rows, at] = [0, 0, 0, 0];
    const cursor: CsvCursor = { from: 0, quote: 0 };
    let owners: string | null = null;
    const taken = (text: string | null): OwnedRows => {
      const block = { owners: text === null ? [] : parseOwners(text), rows, bytes: bytes.subarray(start, written) };
      [start, rows] = [written, 0];
      return block;
    };
    while (at < piece.length) {
      const rowStart = piece.indexOf(end, at) + 1;
      cursor.from = rowStart;
      const rowEnd = format === 'csv' ? csvRowEnd(piece, cursor) : piece.indexOf('\n', rowStart) + 1;
      if (rowStart === 0 || rowEnd === 0) throw new Error('the export contains a row without owners');
      const text = piece.toString('latin1', at, rowStart - 1);
      if (text !== owners && rows > 0) yield taken(owners);
      written += piece.copy(bytes, written, rowStart, rowEnd);
      at = rowEnd;
      if (isHeader) yield taken(null);
      else [owners, rows] = [text, rows + 1];
      isHeader = false;
    }
    if (rows > 0) yield taken(owners);
  }
}

/** Where a row begins, and the first quote that was found after an earlier row. -1 if the piece has no more. */
interface CsvCursor {
  from: number;
  quote: number;
}

/** The position after the row. A newline inside quotes does not end it; a doubled quote closes and opens. */
function csvRowEnd(piece: Buffer, cursor: CsvCursor): number {
  const { from } = cursor;
  if (cursor.quote >= 0 && cursor.quote <= from) cursor.quote = piece.indexOf('"', from);
  let newline = piece.indexOf('\n', from);
  while (cursor.quote >= 0 && cursor.quote < newline) {
    const closing = piece.indexOf('"', cursor.quote + 1);
    if (newline < closing) newline = piece.indexOf('\n', closing);
    cursor.quote = piece.indexOf('"', closing + 1);
  }
  return newline + 1;
}

/** Several identities can find a row, so a number can repeat. */
function parseOwners(text: string): readonly number[] {
  if (text === '') return UNKNOWN;
  if (!text.includes(' ')) return [Number(text)];
  return [...new Set(text.split(' ').map(Number))].toSorted((a, b) => a - b);
}
