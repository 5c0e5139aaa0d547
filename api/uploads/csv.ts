import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { parse as parseText } from 'csv-parse/sync';
import { DomainError } from '../../domain/errors.ts';

const RECORD_BYTES = 65_536;
const RECORD_DELIMITERS = ['\r\n', '\n', '\r'];
/** The parser does not count delimiters. This limit stops a record that consists of delimiters only. */
const RECORD_BYTES_WITH_DELIMITERS = 4 * RECORD_BYTES;
export const LINE_BREAKS = /\r\n|\r|\n/g;

/**
 * Reads CSV (RFC 4180; lines may also end in LF or CR) record by record as the bytes arrive, from the line `firstLine` of the
 * file on. `onRecord` receives the line on which the record begins; an error that it throws ends the reading. Throws
 * `malformed_csv` without quoting the file.
 */
export async function readCsv(
  bytes: AsyncIterable<Uint8Array>,
  { delimiter, firstLine }: { readonly delimiter: string; readonly firstLine: number },
  onRecord: (line: number, fields: readonly string[]) => void,
): Promise<void> {
  let line = firstLine;
  let sinceRecord = 0;
  const parser = parse({
    // One character per byte: UTF-8 is validated per record, where the line is known.
    encoding: 'latin1',
    delimiter,
    record_delimiter: RECORD_DELIMITERS,
    relax_column_count: true,
    max_record_size: RECORD_BYTES,
    on_record: (record: readonly string[]) => {
      const text = record.join(',');
      requireText(line, text);
      onRecord(line, record.map(decodeUtf8));
      // The parser counts CRLF in a quoted field as two lines.
      line += 1 + (text.match(LINE_BREAKS)?.length ?? 0);
      sinceRecord = 0;
      return null;
    },
  });
  const counted = async function* () {
    for await (const chunk of bytes) {
      yield chunk;
      sinceRecord += chunk.length;
      if (sinceRecord > RECORD_BYTES_WITH_DELIMITERS) throw malformedCsv(line, TOO_LONG);
    }
  };
  await pipeline(counted, parser.resume()).catch((error: unknown) => {
    throw error instanceof CsvError ? malformedCsv(line, MESSAGES[error.code] ?? 'the record cannot be parsed') : error;
  });
}

export const TOO_LONG = `a record is longer than ${RECORD_BYTES} bytes, or a quote is never closed`;
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

/**
 * Splits the first record of a text. Returns null if the delimiter does not fit its quotes.
 */
export function splitRecord(text: string, delimiter: string): readonly string[] | null {
  try {
    const [fields = []] = parseText(text, {
      delimiter,
      relax_column_count: true,
      record_delimiter: RECORD_DELIMITERS,
      to: 1,
    });
    return fields;
  } catch (error) {
    if (error instanceof CsvError) return null;
    throw error;
  }
}

/** Throws `malformed_csv` unless a text with one character per byte is UTF-8. */
export function requireText(line: number, text: string): void {
  if (text.includes('\0')) throw malformedCsv(line, 'the text contains a NUL, as files in UTF-16 do', SAVE_AS_UTF_8);
  if (!isUtf8(Buffer.from(text, 'latin1'))) throw malformedCsv(line, 'the text is not valid UTF-8', SAVE_AS_UTF_8);
}

export const SAVE_AS_UTF_8 = 'save the file in UTF-8 and upload it again';

const decodeUtf8 = (field: string): string => Buffer.from(field, 'latin1').toString('utf8');
