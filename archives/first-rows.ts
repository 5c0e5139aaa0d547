import type { Part } from '../domain/archive.ts';
import type { ExportFormat } from '../domain/vocabulary.ts';
import { rowsOf } from './part.ts';
import type { ArchiveStorage } from './storage/storage.ts';

/** What stands in a cell: of CSV, text or nothing; of NDJSON whatever JSON can say, with numbers as they were written. */
export type Value = string | boolean | null | readonly Value[] | { readonly [name: string]: Value };
/** In the order of the table's columns. */
export type Row = readonly Value[];

const MOST_ROWS = 100;
const MOST_BYTES = 256 * 1024;

/** The first rows of a part, as far as they fit: a hundred, and 256 KiB, at most. For showing: compared with nothing. */
export async function firstRows(
  storage: ArchiveStorage,
  key: string,
  part: Part,
  format: ExportFormat,
): Promise<readonly Row[]> {
  if (part.facts.rows === 0) return [];
  const text = (await beginning(rowsOf(storage, key, part.object))).toString();
  const names = part.facts.columns.map(({ name }) => name);
  const rows = format === 'csv' ? csvRows(text, MOST_ROWS + 1).slice(1) : ndjsonRows(text, names);
  return rows.slice(0, MOST_ROWS);
}

async function beginning(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    pieces.push(piece);
    size += piece.length;
    if (size >= MOST_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, MOST_BYTES);
}

/** Up to the first that cannot be shown: what is cut off has no end of line, what is nested too deeply cannot be read here. */
function ndjsonRows(text: string, names: readonly string[]): readonly Row[] {
  const rows: Row[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n', MOST_ROWS)) {
    const row = parsed(line);
    if (row === undefined) break;
    rows.push(names.map((name) => row[name] ?? null));
  }
  return rows;
}

function parsed(line: string): Readonly<Record<string, Value>> | undefined {
  try {
    return JSON.parse(line, exact) as Readonly<Record<string, Value>>;
  } catch {
    return undefined;
  }
}

/** 12345678901234567890 and 0.10 are what the table holds; a number of JavaScript is not. */
const exact = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' ? (context?.source ?? String(value)) : value;

/**
 * Cells as COPY writes them (RFC 4180): an empty one is null, `""` is an empty text. The header is a row; a row that is cut
 * off is none.
 */
function csvRows(text: string, most: number): readonly (readonly (string | null)[])[] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n)/y;
  while (rows.length < most) {
    const found = cell.exec(text);
    if (found === null) return rows;
    const [, quoted, plain = '', end] = found;
    row.push(quoted?.replaceAll('""', '"') ?? (plain === '' ? null : plain));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
