import type { CompletedPart } from '@aws-sdk/client-s3';
import { type Bucket, codeOf, guarded } from './s3-client.ts';
import { piecesOf, untilAborted } from '../source.ts';
import { StorageError } from './storage.ts';

/** Two of them are held at a time. 10 000 are what a bucket takes of one object: 156 GiB. */
const PIECE_BYTES = 1 << 24;
const MAX_PIECES = 10_000;

/** Whole under its key or not at all, in pieces where it is large; false: something has that key already, and stays. */
export async function upload(
  { s3, bucket, prefix }: Bucket,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<boolean> {
  const object = { Bucket: bucket, Key: `${prefix}${name}` };
  const abort = signal === undefined ? {} : { abortSignal: signal };
  let parts: Parts | null = null;
  try {
    for await (const piece of piecesOf(untilAborted(bytes, signal), PIECE_BYTES)) {
      if (parts === null && piece.length < PIECE_BYTES) return await put(piece);
      parts ??= await begin();
      await parts.add(piece);
    }
    if (parts === null) return await put(new Uint8Array());
    const completed = await parts.complete();
    if (!completed) await parts.abandon();
    return completed;
  } catch (error) {
    await parts?.abandon();
    throw error;
  }

  function put(Body: Uint8Array): Promise<boolean> {
    return guarded(() => unlessThere(s3.putObject({ ...object, Body, IfNoneMatch: '*' }, abort)), signal);
  }

  async function begin(): Promise<Parts> {
    const { UploadId } = await guarded(() => s3.createMultipartUpload(object, abort), signal);
    const upload = { ...object, UploadId };
    const done: CompletedPart[] = [];
    let underWay: Promise<unknown> = Promise.resolve();
    const send = async (PartNumber: number, Body: Uint8Array) => {
      const { ETag } = await guarded(() => s3.uploadPart({ ...upload, PartNumber, Body }, abort), signal);
      done.push({ PartNumber, ETag });
    };
    return {
      async add(piece) {
        await underWay;
        if (done.length === MAX_PIECES) throw new StorageError('unavailable', 'a bucket takes no object that large');
        underWay = send(done.length + 1, piece);
        // It is heard of when it is waited for.
        underWay.catch(() => {});
      },
      async complete() {
        await underWay;
        const MultipartUpload = { Parts: done };
        const answer = { ...upload, MultipartUpload, IfNoneMatch: '*' };
        return guarded(() => unlessThere(s3.completeMultipartUpload(answer, abort)), signal);
      },
      async abandon() {
        await underWay.catch(() => {});
        // What is left all the same goes with `removeAllBut`.
        await s3.abortMultipartUpload(upload).catch(() => {});
      },
    };
  }
}

interface Parts {
  /** The next piece; returns as soon as the one before is there. */
  add(piece: Uint8Array): Promise<void>;
  complete(): Promise<boolean>;
  abandon(): Promise<void>;
}

/** A bucket that does not know `If-None-Match` overwrites; names are made once, so it never has to. */
async function unlessThere(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (error) {
    if (codeOf(error) === 'PreconditionFailed') return false;
    throw error;
  }
}
