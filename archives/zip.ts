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
export async function* zip(entries: readonly ZipEntry[], madeAt: Date): AsyncGenerator<Uint8Array> {
  const date = dosDate(madeAt);
  const written: Written[] = [];
  let offset = 0;
  for (const { path, blocks } of entries) {
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

type Field = readonly [bytes: 2 | 4 | 8, value: number];
const u16 = (value: number): Field => [2, value];
const u32 = (value: number): Field => [4, value];
const u64 = (value: number): Field => [8, value];

function record(fields: readonly Field[], ...rest: readonly Buffer[]): Buffer {
  const parts = fields.map(([size, value]) => {
    const part = Buffer.alloc(size);
    if (size === 8) part.writeBigUInt64LE(BigInt(value));
    else part.writeUIntLE(value, 0, size);
    return part;
  });
  return Buffer.concat([...parts, ...rest]);
}

const isLarge = ({ raw, deflated }: Pick<Written, 'raw' | 'deflated'>): boolean => raw >= MAX_32 || deflated >= MAX_32;

/** The sizes and the checksum are 0 here, because they follow the file. */
const localHeader = (name: Buffer, date: number): Buffer =>
  record(
    [
      ...[u32(0x04034b50), u16(VERSION), u16(FLAGS), u16(DEFLATE), u16(NOON), u16(date)],
      ...[u32(0), u32(0), u32(0), u16(name.length), u16(0)],
    ],
    name,
  );

function dataDescriptor(entry: Written): Buffer {
  const size = isLarge(entry) ? u64 : u32;
  return record([u32(0x08074b50), u32(entry.crc), size(entry.deflated), size(entry.raw)]);
}

function directoryEntry(entry: Written, date: number): Buffer {
  const { name, offset, crc, raw, deflated } = entry;
  const isZip64 = isLarge(entry) || offset >= MAX_32;
  const extra = isZip64 ? record([u16(1), u16(24), u64(raw), u64(deflated), u64(offset)]) : Buffer.alloc(0);
  const field32 = (value: number): Field => u32(isZip64 ? MAX_32 : value);
  return record(
    [
      ...[u32(0x02014b50), u16(MADE_BY_UNIX), u16(isZip64 ? VERSION_ZIP64 : VERSION), u16(FLAGS), u16(DEFLATE)],
      ...[u16(NOON), u16(date), u32(crc), field32(deflated), field32(raw), u16(name.length), u16(extra.length)],
      ...[u16(0), u16(0), u16(0), u32(MODE * 0x10000), field32(offset)],
    ],
    name,
    extra,
  );
}

function endOfDirectory(entries: number, offset: number, length: number): Buffer {
  const isZip64 = entries >= MAX_16 || offset >= MAX_32 || length >= MAX_32;
  const count = u16(isZip64 ? MAX_16 : entries);
  const end = record([
    ...[u32(0x06054b50), u16(0), u16(0), count, count],
    ...[u32(isZip64 ? MAX_32 : length), u32(isZip64 ? MAX_32 : offset), u16(0)],
  ]);
  if (!isZip64) return end;
  const zip64End = record([
    ...[u32(0x06064b50), u64(44), u16(MADE_BY_UNIX), u16(VERSION_ZIP64), u32(0), u32(0)],
    ...[u64(entries), u64(entries), u64(length), u64(offset)],
  ]);
  const locator = record([u32(0x07064b50), u32(0), u64(offset + length), u32(1)]);
  return Buffer.concat([zip64End, locator, end]);
}
