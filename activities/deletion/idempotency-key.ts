import { createHash } from 'node:crypto';
import type { RangeKey } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';

/** The attempt that makes the call. Attempts that leave out other subjects of the range make another call. */
interface Attempt extends BatchKey {
  readonly pass: number;
  readonly except: readonly number[];
}

/**
 * The key of one call for a range, as a UUID (version 8, RFC 9562). The same for every attempt of a pass. It is made of ids
 * and numbers only, so that it says nothing about a subject.
 */
export function idempotencyKey(
  { project, requestId, system, batch, pass, except }: Attempt,
  { firstSeq, lastSeq, part }: RangeKey,
  call: string,
): string {
  const leftOut = except.filter((seq) => seq >= firstSeq && seq <= lastSeq);
  const bytes = createHash('sha256')
    .update(JSON.stringify([project, system, requestId, batch, pass, firstSeq, lastSeq, part, leftOut, call]))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
