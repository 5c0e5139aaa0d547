import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ListMultipartUploadsOutput, ListMultipartUploadsRequest } from '@aws-sdk/client-s3';
import { type Bucket, codeOf, nullIfMissing, openBucket, readResuming, withStorageErrors } from './s3-client.ts';
import { upload } from './s3-upload.ts';
import {
  type ArchiveStorage,
  checkStorageId,
  checkRequestId,
  STORAGE_ID_FILE,
  parseName,
  StorageError,
} from './storage.ts';

/** S3 deletes at most this number of objects per call. */
const PAGE_SIZE = 1_000;

/** An S3-compatible bucket. It must not keep versions, because removed objects would stay in them. */
export async function s3Storage(url: URL): Promise<ArchiveStorage> {
  const bucket = await openBucket(url, { owner: 'LETHE_ARCHIVES' });
  return {
    write: async (name, bytes, signal) => {
      const { requestId, object } = parseName(name);
      const isNew = await upload(bucket, `${requestId}/${object}`, bytes, signal);
      if (!isNew) throw new StorageError('unavailable', 'an archive object with that name already exists');
    },
    read: (name) => {
      const { requestId, object } = parseName(name);
      return read(bucket, `${requestId}/${object}`);
    },
    removeExcept: async (requestId, kept) => {
      const folder = `${bucket.prefix}${checkRequestId(requestId)}/`;
      await abortUploads(bucket, folder);
      await removeObjects(bucket, folder, new Set(kept.map((name) => `${bucket.prefix}${name}`)));
    },
    storageId: async () => {
      const existing = await readStorageId(bucket);
      if (existing !== null) return checkStorageId(existing);
      // If two processes start at the same time, both use the ID that was written first.
      await upload(bucket, STORAGE_ID_FILE, Readable.from([Buffer.from(randomUUID())]));
      return checkStorageId((await readStorageId(bucket)) ?? '');
    },
  };
}

const readStorageId = ({ s3, bucket, prefix }: Bucket): Promise<string | null> =>
  nullIfMissing(() =>
    withStorageErrors(async () => {
      const { Body } = await s3.getObject({ Bucket: bucket, Key: `${prefix}${STORAGE_ID_FILE}` });
      return (await Body?.transformToString()) ?? '';
    }),
  );

const read = ({ s3, bucket, prefix }: Bucket, name: string): AsyncGenerator<Uint8Array> =>
  readResuming(
    (range) => withStorageErrors(() => s3.getObject({ Bucket: bucket, Key: `${prefix}${name}`, ...range })),
    (reason) => new StorageError('unavailable', `the archive bucket ${reason}`),
  );

async function removeObjects({ s3, bucket }: Bucket, folder: string, kept: ReadonlySet<string>): Promise<void> {
  let ContinuationToken: string | undefined;
  do {
    const from = ContinuationToken === undefined ? {} : { ContinuationToken };
    const page = await withStorageErrors(() =>
      s3.listObjectsV2({ Bucket: bucket, Prefix: folder, MaxKeys: PAGE_SIZE, ...from }),
    );
    const removed = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined || kept.has(Key) ? [] : [{ Key }]));
    if (removed.length > 0) {
      const { Errors } = await withStorageErrors(() =>
        s3.deleteObjects({ Bucket: bucket, Delete: { Objects: removed, Quiet: true } }),
      );
      // S3 reports these errors in the body of a successful response.
      if (Errors !== undefined && Errors.length > 0)
        throw new StorageError('unavailable', 'the archive bucket did not remove an object');
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}

/** Pieces of incomplete uploads appear in no list of objects, but are stored and billed. */
async function abortUploads({ s3, bucket }: Bucket, folder: string): Promise<void> {
  const options: ListMultipartUploadsRequest = { Bucket: bucket, Prefix: folder };
  let page: ListMultipartUploadsOutput;
  do {
    page = await withStorageErrors(() => s3.listMultipartUploads(options));
    for (const { Key, UploadId } of page.Uploads ?? [])
      await withStorageErrors(() => ignoreMissingUpload(s3.abortMultipartUpload({ Bucket: bucket, Key, UploadId })));
    options.KeyMarker = page.NextKeyMarker;
    options.UploadIdMarker = page.NextUploadIdMarker;
  } while (page.IsTruncated === true && options.KeyMarker !== undefined);
}

async function ignoreMissingUpload(response: Promise<unknown>): Promise<void> {
  await response.catch((error: unknown) => {
    if (codeOf(error) !== 'NoSuchUpload') throw error;
  });
}
