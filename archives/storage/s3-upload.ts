import type { CompletedPart } from '@aws-sdk/client-s3';
import { type Bucket, codeOf, withStorageErrors } from './s3-client.ts';
import { splitIntoPieces } from '../bytes.ts';
import { untilAborted } from '../until-aborted.ts';
import { StorageError } from './storage.ts';

/** Two pieces are in memory at a time. S3 allows 10 000 pieces per object, here 156 GiB. */
const PIECE_BYTES = 1 << 24;
const MAX_PIECES = 10_000;

/** Writes an object atomically; large ones as multipart uploads. Returns false, changing nothing, if the key is in use. */
export async function upload(
  { s3, bucket, prefix }: Bucket,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<boolean> {
  const object = { Bucket: bucket, Key: `${prefix}${name}` };
  const abort = signal === undefined ? {} : { abortSignal: signal };
  let multipart: MultipartUpload | null = null;
  try {
    for await (const piece of splitIntoPieces(untilAborted(bytes, signal), PIECE_BYTES)) {
      if (multipart === null && piece.length < PIECE_BYTES) return await put(piece);
      multipart ??= await startMultipart();
      await multipart.add(piece);
    }
    if (multipart === null) return await put(new Uint8Array());
    const completed = await multipart.complete();
    if (!completed) await multipart.abort();
    return completed;
  } catch (error) {
    await multipart?.abort();
    throw error;
  }

  function put(Body: Uint8Array): Promise<boolean> {
    return withStorageErrors(
      () => createdUnlessExists(s3.putObject({ ...object, Body, IfNoneMatch: '*' }, abort)),
      signal,
    );
  }

  async function startMultipart(): Promise<MultipartUpload> {
    const { UploadId } = await withStorageErrors(() => s3.createMultipartUpload(object, abort), signal);
    const upload = { ...object, UploadId };
    const done: CompletedPart[] = [];
    let uploading: Promise<unknown> = Promise.resolve();
    const send = async (PartNumber: number, Body: Uint8Array) => {
      const { ETag } = await withStorageErrors(() => s3.uploadPart({ ...upload, PartNumber, Body }, abort), signal);
      done.push({ PartNumber, ETag });
    };
    return {
      async add(piece) {
        await uploading;
        if (done.length === MAX_PIECES) throw new StorageError('unavailable', 'the archive is too large for a bucket');
        uploading = send(done.length + 1, piece);
        // The next call awaits the result.
        uploading.catch(() => {});
      },
      async complete() {
        await uploading;
        const MultipartUpload = { Parts: done };
        const completion = { ...upload, MultipartUpload, IfNoneMatch: '*' };
        return withStorageErrors(() => createdUnlessExists(s3.completeMultipartUpload(completion, abort)), signal);
      },
      async abort() {
        await uploading.catch(() => {});
        // If this fails, `removeExcept` aborts the upload later.
        await s3.abortMultipartUpload(upload).catch(() => {});
      },
    };
  }
}

interface MultipartUpload {
  /** Starts to upload a piece; resolves when the previous piece is uploaded. */
  add(piece: Uint8Array): Promise<void>;
  complete(): Promise<boolean>;
  abort(): Promise<void>;
}

/** Returns false if the key is in use. Servers without `If-None-Match` overwrite, which is safe as names are unique. */
async function createdUnlessExists(response: Promise<unknown>): Promise<boolean> {
  try {
    await response;
    return true;
  } catch (error) {
    if (codeOf(error) === 'PreconditionFailed') return false;
    throw error;
  }
}
