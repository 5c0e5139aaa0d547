import { crc32 } from 'node:zlib';
import { DEFLATE_END } from './deflate.ts';

/** A piece of a file, and the same piece as blocks of a DEFLATE stream. */
export interface ZipBlock {
  readonly raw: Uint8Array;
  readonly deflated: Uint8Array;
}
/** A file of the archive. `blocks` is called when the file is written. */
export interface ZipEntry {
  readonly path: string;
  blocks(): AsyncIterable<ZipBlock>;
}

/** Unpacked files contain personal data, so only their owner may read them. */
const MODE = 0o100600;
const MADE_BY_UNIX = (3 << 8) | 63;
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** The sizes follow the file, and the name is UTF-8. */
const FLAGS = 0x0808;
const DEFLATE = 8;
/** Noon, so that every time zone shows the same day. */
const NOON = 12 << 11;
const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;

interface Written {
  readonly name: Buffer;
  readonly offset: number;
  readonly crc: number;
  readonly raw: number;
  readonly deflated: number;
}

/**
 * Streams a ZIP (ZIP64 where needed) of blocks that are compressed already, so that equal contents give equal bytes on
 * every machine. An early return closes the entry that is being read.
 */
export async function* zip(
  entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
  madeAt: Date,
): AsyncGenerator<Uint8Array> {
  const date = dosDate(madeAt);
  const written: Written[] = [];
  let offset = 0;
  for await (const { path, blocks } of entries) {
    const name = Buffer.from(path);
    const header = localHeader(name, date);
    yield header;
    let [crc, raw, deflated] = [0, 0, DEFLATE_END.length];
    for await (const block of blocks()) {
      crc = crc32(block.raw, crc);
      raw += block.raw.length;
      deflated += block.deflated.length;
      yield block.deflated;
    }
    yield DEFLATE_END;
    const entry = { name, offset, crc, raw, deflated };
    const descriptor = dataDescriptor(entry);
    yield descriptor;
    written.push(entry);
    offset += header.length + deflated + descriptor.length;
  }
  const directory = Buffer.concat(written.map((entry) => directoryEntry(entry, date)));
  yield directory;
  yield endOfDirectory(written.length, offset, directory.length);
}

/** The format begins in 1980. */
const dosDate = (at: Date): number =>
  (Math.max(at.getUTCFullYear() - 1980, 0) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();

const u16 = (...values: readonly number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer);
const u32 = (...values: readonly number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: readonly number[]): Buffer => Buffer.from(BigUint64Array.from(values, BigInt).buffer);

const isLarge = ({ raw, deflated }: Pick<Written, 'raw' | 'deflated'>): boolean => raw >= MAX_32 || deflated >= MAX_32;

/** The sizes and the checksum are 0 here, because they follow the file. */
const localHeader = (name: Buffer, date: number): Buffer =>
  Buffer.concat([u32(0x04034b50), u16(VERSION, FLAGS, DEFLATE, NOON, date), u32(0, 0, 0), u16(name.length, 0), name]);

function dataDescriptor(entry: Written): Buffer {
  const sizes = isLarge(entry) ? u64 : u32;
  return Buffer.concat([u32(0x08074b50, entry.crc), sizes(entry.deflated, entry.raw)]);
}

function directoryEntry(entry: Written, date: number): Buffer {
  const { name, offset, crc, raw, deflated } = entry;
  const isZip64 = isLarge(entry) || offset >= MAX_32;
  const extra = isZip64 ? Buffer.concat([u16(1, 24), u64(raw, deflated, offset)]) : Buffer.alloc(0);
  const [size32, raw32, offset32] = [deflated, raw, offset].map((value) => (isZip64 ? MAX_32 : value));
  return Buffer.concat([
    u32(0x02014b50),
    u16(MADE_BY_UNIX, isZip64 ? VERSION_ZIP64 : VERSION, FLAGS, DEFLATE, NOON, date),
    u32(crc, size32 ?? 0, raw32 ?? 0),
    u16(name.length, extra.length, 0, 0, 0),
    u32(MODE * 0x10000, offset32 ?? 0),
    name,
    extra,
  ]);
}

function endOfDirectory(entries: number, offset: number, length: number): Buffer {
  const isZip64 = entries >= MAX_16 || offset >= MAX_32 || length >= MAX_32;
  const count = isZip64 ? MAX_16 : entries;
  const end = Buffer.concat([
    u32(0x06054b50),
    u16(0, 0, count, count),
    isZip64 ? u32(MAX_32, MAX_32) : u32(length, offset),
    u16(0),
  ]);
  if (!isZip64) return end;
  const zip64End = [
    u32(0x06064b50),
    u64(44),
    u16(MADE_BY_UNIX, VERSION_ZIP64),
    u32(0, 0),
    u64(entries, entries, length, offset),
  ];
  const locator = [u32(0x07064b50, 0), u64(offset + length), u32(1)];
  return Buffer.concat([...zip64End, ...locator, end]);
}
