import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { DomainError } from '../../domain/errors.ts';

const RECORD_BYTES = 65_536;
/** The parser does not count delimiters: a record of nothing else is stopped here. */
const RECORD_BYTES_WITH_DELIMITERS = 4 * RECORD_BYTES;
const MARK = Buffer.from('\uFEFF');
const LINE_BREAKS = /\r\n|\r|\n/g;

/**
 * CSV (RFC 4180, lines may end in LF or CR too), taken record by record as the bytes arrive, each with the line on which
 * it begins. Throws `malformed_csv`, in words of ours: the parser's quote what was sent. What `take` throws ends it too.
 */
export async function readCsv(
  bytes: AsyncIterable<Uint8Array>,
  delimiter: string,
  take: (line: number, fields: readonly string[]) => void,
): Promise<void> {
  let line = 1;
  let sinceRecord = 0;
  const parser = parse({
    // A character per byte: whether it is UTF-8 is asked of each record, whose line is known.
    encoding: 'latin1',
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    max_record_size: RECORD_BYTES,
    on_record: (record: readonly string[]) => {
      const text = record.join(',');
      if (text.includes('\0') || !isUtf8(Buffer.from(text, 'latin1'))) throw malformed(line, 'it is not UTF-8 text');
      take(line, record.map(fromUtf8));
      // The parser's own count takes CRLF in a quoted field for two.
      line += 1 + (text.match(LINE_BREAKS)?.length ?? 0);
      sinceRecord = 0;
      return null;
    },
  });
  const counted = async function* () {
    for await (const chunk of withoutMark(bytes)) {
      yield chunk;
      sinceRecord += chunk.length;
      if (sinceRecord > RECORD_BYTES_WITH_DELIMITERS) throw malformed(line, TOO_LONG);
    }
  };
  await pipeline(counted, parser.resume()).catch((error: unknown) => {
    throw error instanceof CsvError ? malformed(line, MESSAGES[error.code] ?? 'it cannot be read any further') : error;
  });
}

const TOO_LONG = `a record has more than ${RECORD_BYTES} bytes, or a quote is never closed`;
const MESSAGES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands in the middle of a field',
  CSV_MAX_RECORD_SIZE: TOO_LONG,
};

const malformed = (line: number, words: string): DomainError =>
  new DomainError('malformed_csv', `line ${line}: ${words}`, { line });

const fromUtf8 = (field: string): string => Buffer.from(field, 'latin1').toString('utf8');

/** The mark that spreadsheets write at the beginning, in however many pieces it arrives. */
async function* withoutMark(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (head === null) {
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < MARK.length) continue;
    yield withoutMarkAt(head);
    head = null;
  }
  if (head !== null) yield head;
}

const withoutMarkAt = (head: Buffer): Buffer => (head.indexOf(MARK) === 0 ? head.subarray(MARK.length) : head);
