import { StorageError } from './storage/storage.ts';

/** Rows of the same subjects in a part. */
export interface Frame {
  /** The `seq` of each subject that the rows belong to. Empty for a header, which belongs to no subject. */
  readonly owners: readonly number[];
  readonly rows: number;
  /** The length of the rows before compression. */
  readonly length: number;
  /** The compressed rows, encrypted with the keys of the owners. */
  readonly bytes: Buffer;
}

const FIELD = 4;
const FIXED_FIELDS = 4;

/** Four lengths, then the owners, then the bytes. */
export function encodeFrame({ owners, rows, length, bytes }: Frame): readonly Buffer[] {
  const fields = [owners.length, rows, length, bytes.length, ...owners];
  const header = Buffer.allocUnsafe(fields.length * FIELD);
  for (const [index, field] of fields.entries()) header.writeUInt32LE(field, index * FIELD);
  return [header, bytes];
}

/** Throws StorageError `damaged` when the stream ends within a frame. */
export async function* decodeFrames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pending: Buffer = Buffer.alloc(0);
  let more: Uint8Array[] = [];
  let size = 0;
  let needed = FIXED_FIELDS * FIELD;
  for await (const piece of pieces) {
    more.push(piece);
    size += piece.length;
    if (size < needed) continue;
    pending = Buffer.concat([pending, ...more]);
    more = [];
    let at = 0;
    for (;;) {
      const next = decodeFrame(pending, at);
      if (typeof next === 'number') {
        needed = next;
        break;
      }
      yield next.frame;
      at = next.end;
    }
    pending = pending.subarray(at);
    size = pending.length;
  }
  if (size > 0) throw new StorageError('damaged', 'an object ends within a table');
}

/** The frame at a position, or the number of bytes from there that are needed to read it. */
function decodeFrame(bytes: Buffer, at: number): { readonly frame: Frame; readonly end: number } | number {
  const fixed = FIXED_FIELDS * FIELD;
  if (bytes.length < at + fixed) return fixed;
  const field = (index: number): number => bytes.readUInt32LE(at + index * FIELD);
  const start = at + fixed + field(0) * FIELD;
  const end = start + field(3);
  if (bytes.length < end) return end - at;
  const owners = Array.from({ length: field(0) }, (_, index) => field(FIXED_FIELDS + index));
  return { frame: { owners, rows: field(1), length: field(2), bytes: bytes.subarray(start, end) }, end };
}
