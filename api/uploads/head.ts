import { LINE_BREAKS, malformedCsv, requireText, SAVE_AS_UTF_8, TOO_LONG } from './csv.ts';

const MAX_HEAD_BYTES = 262_144;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const UTF_16_MARKS = [Buffer.from('\uFEFF', 'utf16le'), Buffer.from('\uFEFF', 'utf16le').swap16()];
const [LF, CR, QUOTE] = [0x0a, 0x0d, 0x22];
/** Blanks, quotes and delimiters: a line of these alone is blank, for every delimiter. */
const BLANK: ReadonlySet<number> = new Set(Buffer.from(' \t",;|'));
const SEPARATOR_LINE = /^"?sep=(.?)"?$/i;

/** The beginning of a file, as far as it tells how to read the file. */
export interface Head {
  /** The first record that is not blank. Null for a blank file. */
  readonly record: string | null;
  /** The line on which `record` begins. */
  readonly recordLine: number;
  /** The character after `sep=` in the first line, empty if it has none. Null without such a line. */
  readonly separator: string | null;
  /** The file from `restLine` on, without byte order mark and `sep=`. */
  readonly rest: AsyncIterable<Uint8Array>;
  readonly restLine: number;
  /** Ends the reading of the file. */
  close(): Promise<void>;
}

/** Reads a file until its first record is complete. Throws `malformed_csv` if it is not UTF-8 up to there. */
export async function readHead(file: AsyncIterable<Uint8Array>): Promise<Head> {
  const source = file[Symbol.asyncIterator]();
  const close = async () => void (await source.return?.());
  try {
    const { records, bytes } = await readRecords(source);
    const { from, ...described } = describeHead(bytes, records);
    return { ...described, rest: restOf(bytes.subarray(from), source), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Reads chunks until they contain one record that is not blank, and one more after a line `sep=`. */
async function readRecords(
  source: AsyncIterator<Uint8Array>,
): Promise<{ readonly bytes: Buffer; readonly records: readonly Range[] }> {
  const chunks: Uint8Array[] = [];
  const scanner = createScanner();
  for (let size = 0; size <= MAX_HEAD_BYTES;) {
    const next = await source.next();
    if (next.done === true) {
      scanner.end();
      break;
    }
    size += next.value.length;
    chunks.push(next.value);
    scanner.read(next.value);
    const [first, second] = scanner.records;
    if (second !== undefined) break;
    if (first !== undefined && separatorOf(Buffer.concat(chunks), first) === null) break;
  }
  return { bytes: Buffer.concat(chunks), records: scanner.records };
}

/** Finds the records that are not blank, for any delimiter: a line break ends a record unless it is quoted. */
function createScanner() {
  const records: Range[] = [];
  let [at, from, isQuoted, isBlank] = [0, 0, false, true];
  const end = (): void => {
    if (!isBlank) records.push({ from, to: at });
    [from, isBlank] = [at + 1, true];
  };
  const read = (chunk: Uint8Array): void => {
    for (const byte of chunk) {
      if (byte === QUOTE) isQuoted = !isQuoted;
      if ((byte === LF || byte === CR) && !isQuoted) end();
      else if (!BLANK.has(byte) && byte !== BYTE_ORDER_MARK[at]) isBlank = false;
      at += 1;
    }
  };
  return { records, read, end };
}

function describeHead(
  bytes: Buffer,
  records: readonly Range[],
): Omit<Head, 'rest' | 'close'> & { readonly from: number } {
  if (UTF_16_MARKS.some((mark) => bytes.indexOf(mark) === 0))
    throw malformedCsv(1, 'the file is in UTF-16', SAVE_AS_UTF_8);
  const [first] = records;
  const separator = first === undefined ? null : separatorOf(bytes, first);
  const record = separator === null ? first : records[1];
  const restLine = separator === null ? 1 : 2;
  const from = first !== undefined && separator !== null ? endOfLine(bytes, first.to) : markLength(bytes);
  const recordLine = restLine + countLineBreaks(bytes.toString('latin1', from, record?.from ?? bytes.length));
  if (record === undefined && bytes.length > MAX_HEAD_BYTES) throw malformedCsv(recordLine, TOO_LONG);
  const text = record === undefined ? null : textOf(bytes, record, from);
  if (text !== null) requireText(recordLine, text);
  return {
    record: text === null ? null : Buffer.from(text, 'latin1').toString('utf8'),
    recordLine,
    separator,
    restLine,
    from,
  };
}

/** Only the first line can name the delimiter. */
const separatorOf = (bytes: Buffer, { from, to }: Range): string | null =>
  from === 0 ? (SEPARATOR_LINE.exec(textOf(bytes, { from, to }, markLength(bytes)))?.[1] ?? null) : null;

/** One character per byte. */
const textOf = (bytes: Buffer, { from, to }: Range, least: number): string =>
  bytes.toString('latin1', Math.max(from, least), to);

const markLength = (bytes: Buffer): number => (bytes.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0);

const endOfLine = (bytes: Buffer, at: number): number => at + (bytes[at] === CR && bytes[at + 1] === LF ? 2 : 1);

const countLineBreaks = (text: string): number => text.match(LINE_BREAKS)?.length ?? 0;

async function* restOf(start: Buffer, source: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  if (start.length > 0) yield start;
  for (;;) {
    const next = await source.next();
    if (next.done === true) return;
    yield next.value;
  }
}
