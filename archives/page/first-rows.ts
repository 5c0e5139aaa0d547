import type { PartFacts } from '../../domain/archive.ts';
import type { ExportFormat } from '../../domain/vocabulary.ts';
import { type ArchiveKeys, PartReader } from '../part.ts';
import type { ArchiveStorage } from '../storage/storage.ts';

/** A cell: text or null for CSV, any JSON value for NDJSON. Numbers are text, so no digit is lost. */
export type Value = string | boolean | null | readonly Value[] | { readonly [name: string]: Value };
/** The cells in the order of the table's columns. */
export type Row = readonly Value[];

const MAX_ROWS = 100;
const MAX_BYTES = 256 * 1024;

/** Returns the first rows of a part, at most 100 rows and 256 KiB, for display. The checksum is not verified. */
export async function readFirstRows(
  storage: ArchiveStorage,
  keys: ArchiveKeys,
  object: string,
  facts: PartFacts,
  format: ExportFormat,
): Promise<readonly Row[]> {
  if (facts.rows === 0) return [];
  const text = (await readBeginning(new PartReader(storage, keys, object, facts))).toString();
  const names = facts.columns.map(({ name }) => name);
  const rows = format === 'csv' ? parseCsv(text, MAX_ROWS + 1).slice(1) : parseNdjson(text, names);
  return rows.slice(0, MAX_ROWS);
}

async function readBeginning(part: PartReader): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const { raw } of part.blocks()) {
    pieces.push(raw);
    size += raw.length;
    if (size >= MAX_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, MAX_BYTES);
}

/** Stops at the first row that cannot be parsed: it is cut off, or nested too deeply for `JSON.parse`. */
function parseNdjson(text: string, names: readonly string[]): readonly Row[] {
  const rows: Row[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n', MAX_ROWS)) {
    const row = parseRow(line);
    if (row === undefined) break;
    rows.push(names.map((name) => row[name] ?? null));
  }
  return rows;
}

function parseRow(line: string): Readonly<Record<string, Value>> | undefined {
  try {
    return JSON.parse(line, keepNumberText) as Readonly<Record<string, Value>>;
  } catch {
    return undefined;
  }
}

/** JavaScript numbers would change 12345678901234567890 and 0.10. */
const keepNumberText = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' ? (context?.source ?? String(value)) : value;

/**
 * Parses CSV as COPY writes it (RFC 4180): an empty cell is null, `""` is empty text. The header counts as a row; a
 * truncated last row is ignored.
 */
function parseCsv(text: string, maxRows: number): readonly (readonly (string | null)[])[] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n)/y;
  while (rows.length < maxRows) {
    const match = cell.exec(text);
    if (match === null) return rows;
    const [, quoted, plain = '', end] = match;
    row.push(quoted?.replaceAll('""', '"') ?? (plain === '' ? null : plain));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
