import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ListMultipartUploadsOutput, ListMultipartUploadsRequest } from '@aws-sdk/client-s3';
import { type Bucket, codeOf, guarded, openBucket, unlessMissing } from './s3-client.ts';
import { upload } from './s3-upload.ts';
import { type ArchiveStorage, checkedMark, checkedRequestId, MARK, namesOf, StorageError } from './storage.ts';

/** As many as may be named in one call that deletes. */
const PAGE = 1_000;
const FRUITLESS_READS = 4;

/** A bucket of S3, or of what speaks like it, without versions: there a removed object would stay. */
export async function s3Storage(url: URL): Promise<ArchiveStorage> {
  const bucket = await openBucket(url);
  return {
    write: async (name, bytes, signal) => {
      const { requestId, object } = namesOf(name);
      const placed = await upload(bucket, `${requestId}/${object}`, bytes, signal);
      if (!placed) throw new StorageError('unavailable', 'an object of that name lies in the archives already');
    },
    read: (name) => {
      const { requestId, object } = namesOf(name);
      return read(bucket, `${requestId}/${object}`);
    },
    removeAllBut: async (requestId, kept) => {
      const place = `${bucket.prefix}${checkedRequestId(requestId)}/`;
      await abandonUploads(bucket, place);
      await removeObjects(bucket, place, new Set(kept.map((name) => `${bucket.prefix}${name}`)));
    },
    mark: async () => {
      const known = await readMark(bucket);
      if (known !== null) return checkedMark(known);
      // Of two processes that begin at once the second is refused, and finds the mark of the first.
      await upload(bucket, MARK, Readable.from([Buffer.from(randomUUID())]));
      return checkedMark((await readMark(bucket)) ?? '');
    },
  };
}

const readMark = ({ s3, bucket, prefix }: Bucket): Promise<string | null> =>
  unlessMissing(() =>
    guarded(async () => {
      const { Body } = await s3.getObject({ Bucket: bucket, Key: `${prefix}${MARK}` });
      return (await Body?.transformToString()) ?? '';
    }),
  );

/** A connection that breaks, as of somebody who reads slowly, is followed by one that begins where it ended. */
async function* read({ s3, bucket, prefix }: Bucket, name: string): AsyncGenerator<Uint8Array> {
  const object = { Bucket: bucket, Key: `${prefix}${name}` };
  let [at, size, fruitless] = [0, Infinity, 0];
  while (at < size) {
    const from = at;
    const range = from === 0 ? {} : { Range: `bytes=${from}-` };
    const answer = await guarded(() => s3.getObject({ ...object, ...range }));
    if (from === 0) size = answer.ContentLength ?? 0;
    else if (answer.ContentRange?.startsWith(`bytes ${from}-`) !== true)
      throw new StorageError('unavailable', 'the bucket of the archives does not go on where it is asked to');
    let broken: unknown;
    try {
      const chunks: AsyncIterable<Uint8Array> = answer.Body instanceof Readable ? answer.Body : Readable.from([]);
      for await (const chunk of chunks) {
        at += chunk.length;
        yield chunk;
      }
    } catch (error) {
      broken = error;
    }
    fruitless = at > from ? 0 : fruitless + 1;
    if (at < size && fruitless === FRUITLESS_READS)
      throw new StorageError('unavailable', `the bucket of the archives breaks off (${codeOf(broken)})`);
  }
}

async function removeObjects({ s3, bucket }: Bucket, place: string, staying: ReadonlySet<string>): Promise<void> {
  let ContinuationToken: string | undefined;
  do {
    const from = ContinuationToken === undefined ? {} : { ContinuationToken };
    const page = await guarded(() => s3.listObjectsV2({ Bucket: bucket, Prefix: place, MaxKeys: PAGE, ...from }));
    const going = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined || staying.has(Key) ? [] : [{ Key }]));
    if (going.length > 0) {
      const { Errors } = await guarded(() =>
        s3.deleteObjects({ Bucket: bucket, Delete: { Objects: going, Quiet: true } }),
      );
      // Said in the body of a call that succeeded.
      if (Errors !== undefined && Errors.length > 0)
        throw new StorageError('unavailable', 'the bucket of the archives kept an object that was to go');
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}

/** Pieces of what was never completed are in no list of objects, and are paid for. */
async function abandonUploads({ s3, bucket }: Bucket, place: string): Promise<void> {
  const asked: ListMultipartUploadsRequest = { Bucket: bucket, Prefix: place };
  let page: ListMultipartUploadsOutput;
  do {
    page = await guarded(() => s3.listMultipartUploads(asked));
    for (const { Key, UploadId } of page.Uploads ?? [])
      await guarded(() => unlessGone(s3.abortMultipartUpload({ Bucket: bucket, Key, UploadId })));
    asked.KeyMarker = page.NextKeyMarker;
    asked.UploadIdMarker = page.NextUploadIdMarker;
  } while (page.IsTruncated === true && asked.KeyMarker !== undefined);
}

async function unlessGone(answer: Promise<unknown>): Promise<void> {
  await answer.catch((error: unknown) => {
    if (codeOf(error) !== 'NoSuchUpload') throw error;
  });
}
