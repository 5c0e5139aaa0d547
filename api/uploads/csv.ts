import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { DomainError } from '../../domain/errors.ts';

const RECORD_BYTES = 65_536;
/** The parser does not count delimiters. This limit stops a record that consists of delimiters only. */
const RECORD_BYTES_WITH_DELIMITERS = 4 * RECORD_BYTES;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const LINE_BREAKS = /\r\n|\r|\n/g;

/**
 * Reads CSV (RFC 4180; lines may also end in LF or CR) record by record as the bytes arrive. `onRecord` receives the line on
 * which the record begins; an error that it throws ends the reading. Throws `malformed_csv` without quoting the file.
 */
export async function readCsv(
  bytes: AsyncIterable<Uint8Array>,
  delimiter: string,
  onRecord: (line: number, fields: readonly string[]) => void,
): Promise<void> {
  let line = 1;
  let sinceRecord = 0;
  const parser = parse({
    // One character per byte: UTF-8 is validated per record, where the line is known.
    encoding: 'latin1',
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    max_record_size: RECORD_BYTES,
    on_record: (record: readonly string[]) => {
      const text = record.join(',');
      if (text.includes('\0') || !isUtf8(Buffer.from(text, 'latin1')))
        throw malformedCsv(line, 'the text is not valid UTF-8');
      onRecord(line, record.map(decodeUtf8));
      // The parser counts CRLF in a quoted field as two lines.
      line += 1 + (text.match(LINE_BREAKS)?.length ?? 0);
      sinceRecord = 0;
      return null;
    },
  });
  const counted = async function* () {
    for await (const chunk of stripByteOrderMark(bytes)) {
      yield chunk;
      sinceRecord += chunk.length;
      if (sinceRecord > RECORD_BYTES_WITH_DELIMITERS) throw malformedCsv(line, TOO_LONG);
    }
  };
  await pipeline(counted, parser.resume()).catch((error: unknown) => {
    throw error instanceof CsvError ? malformedCsv(line, MESSAGES[error.code] ?? 'the record cannot be parsed') : error;
  });
}

const TOO_LONG = `a record is longer than ${RECORD_BYTES} bytes, or a quote is never closed`;
const MESSAGES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote is in the middle of a field',
  CSV_MAX_RECORD_SIZE: TOO_LONG,
};

export const malformedCsv = (
  line: number,
  reason: string,
  remedy = 'correct the file and upload it again',
): DomainError => new DomainError('malformed_csv', `Line ${line}: ${reason}. Nothing was stored; ${remedy}.`, { line });

const decodeUtf8 = (field: string): string => Buffer.from(field, 'latin1').toString('utf8');

/** Removes the byte order mark that spreadsheets write, even when it arrives in several chunks. */
async function* stripByteOrderMark(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (head === null) {
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < BYTE_ORDER_MARK.length) continue;
    yield stripMark(head);
    head = null;
  }
  if (head !== null) yield head;
}

const stripMark = (head: Buffer): Buffer =>
  head.indexOf(BYTE_ORDER_MARK) === 0 ? head.subarray(BYTE_ORDER_MARK.length) : head;
