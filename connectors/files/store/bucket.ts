import type { ListMultipartUploadsRequest, ListObjectVersionsRequest, ListObjectsV2Request } from '@aws-sdk/client-s3';
import {
  type Bucket,
  type BucketOptions,
  codeOf,
  openBucket,
  readResuming,
} from '../../../archives/storage/s3-client.ts';
import { type ConfigError, ConnectorError, type ConnectorContext } from '../../connector.ts';
import { bucketError, isCode, orNull, refused } from './failure.ts';
import { type Entry, type Refused, type Session, type Store, type Target, PAGE_SIZE, proceed } from './store.ts';

/** A bucket with everything that it keeps: objects, their versions, delete markers and uploads that have not ended. */
export function bucketStore(url: URL, options: BucketOptions): Store {
  let opened: Promise<Bucket> | undefined;
  const open = (): Promise<Bucket> => (opened ??= openBucket(url, options).catch(refuse));
  return {
    async begin(activity) {
      const bucket = await open();
      const { Status } = await guarded(() => bucket.s3.getBucketVersioning({ Bucket: bucket.bucket }));
      return openSession({ ...bucket, hasVersions: Status !== undefined }, activity);
    },
    inspect: async () => inspectBucket(await open()),
    close: () => void opened?.then(({ s3 }) => s3.destroy()).catch(() => {}),
  };
}

/** The region or the package is missing. The message is Lethe's own. */
function refuse(error: unknown): never {
  throw refused(error instanceof Error ? error.message : 'the bucket cannot be opened');
}

interface Versioned extends Bucket {
  readonly hasVersions: boolean;
}

function openSession(bucket: Versioned, activity: ConnectorContext): Session {
  const abort = { abortSignal: activity.signal };
  const call = <T>(work: () => Promise<T>): Promise<T> => {
    proceed(activity);
    return guarded(work, activity);
  };
  const { s3 } = bucket;
  return {
    async *list(target) {
      yield* bucket.hasVersions ? listVersions(bucket, target, call) : listObjects(bucket, target, call);
      yield* listUploads(bucket, target, call);
    },

    read: ({ handle }) => {
      if (handle.in !== 'bucket' || handle.upload !== undefined) return nothing();
      const object = { Bucket: bucket.bucket, Key: handle.key, ...versionOf(handle.version) };
      return readUnlessGone(
        readResuming(
          (range) => call(() => s3.getObject({ ...object, ...range }, abort)),
          () => new ConnectorError('unavailable', 'bucket: the connection was closed repeatedly', { retryable: true }),
        ),
      );
    },

    async remove(entries) {
      const objects = entries.flatMap((entry) =>
        entry.handle.in === 'bucket' && entry.handle.upload === undefined ? [{ entry, ...entry.handle }] : [],
      );
      for (const { handle } of entries)
        if (handle.in === 'bucket' && handle.upload !== undefined) {
          const upload = { Bucket: bucket.bucket, Key: handle.key, UploadId: handle.upload };
          await call(() => orNull(['NoSuchUpload'], () => s3.abortMultipartUpload(upload, abort)));
        }
      if (objects.length === 0) return [];
      const Objects = objects.map(({ key, version }) => ({ Key: key, ...versionOf(version) }));
      const { Errors = [] } = await call(() =>
        s3.deleteObjects({ Bucket: bucket.bucket, Delete: { Objects, Quiet: true } }, abort),
      );
      const refusals: Refused[] = [];
      // S3 reports these errors in the body of a successful answer.
      for (const { Key, VersionId, Code = 'Unknown' } of Errors) {
        if (GONE.includes(Code)) continue;
        const failed = objects.find(({ key, version }) => key === Key && (version ?? '') === (VersionId ?? ''));
        const isLocked = failed !== undefined && (await isHeld(bucket, failed.key, failed.version, call));
        if (failed === undefined || !isLocked) throw bucketError(Object.assign(new Error(), { code: Code }));
        refusals.push({ entry: failed.entry, reason: 'object_lock' });
      }
      return refusals;
    },

    prune: async () => {},
  };

  async function* nothing(): AsyncGenerator<Uint8Array> {}

  async function* readUnlessGone(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of bytes) {
        proceed(activity);
        yield piece;
      }
    } catch (error) {
      if (!(error instanceof GoneError)) throw error;
    }
  }
}

type Call = <T>(work: () => Promise<T>) => Promise<T>;

const GONE = ['NoSuchKey', 'NoSuchVersion', 'MethodNotAllowed'];
const versionOf = (version: string | undefined) => (version === undefined ? {} : { VersionId: version });

/** An object that was deleted since it was listed. */
class GoneError extends Error {}

async function* listVersions(
  { s3, bucket, prefix }: Bucket,
  target: Target,
  call: Call,
): AsyncGenerator<readonly Entry[]> {
  const request: ListObjectVersionsRequest = { Bucket: bucket, Prefix: `${prefix}${target.key}`, ...LISTING };
  for (;;) {
    const page = await call(() => s3.listObjectVersions(request));
    const decode = decoderOf(page.EncodingType);
    const listed = [
      ...(page.Versions ?? []).map((version) => ({ ...version, kind: 'object' as const })),
      ...(page.DeleteMarkers ?? []).map((marker) => ({ ...marker, kind: 'marker' as const })),
    ];
    yield entriesOf(
      listed.map((each) => ({ ...each, key: decode(each.Key) })),
      prefix,
      target,
    );
    // Keys come in order, so a single object is followed by longer keys only.
    const isPast = !target.isPrefix && listed.length > 0 && decode(listed.at(-1)?.Key) !== `${prefix}${target.key}`;
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined || isPast) return;
    request.KeyMarker = decode(page.NextKeyMarker);
    request.VersionIdMarker = page.NextVersionIdMarker;
  }
}

async function* listObjects(
  { s3, bucket, prefix }: Bucket,
  target: Target,
  call: Call,
): AsyncGenerator<readonly Entry[]> {
  const request: ListObjectsV2Request = { Bucket: bucket, Prefix: `${prefix}${target.key}`, ...LISTING };
  for (;;) {
    const page = await call(() => s3.listObjectsV2(request));
    const decode = decoderOf(page.EncodingType);
    const listed = (page.Contents ?? []).map((object) => ({
      ...object,
      kind: 'object' as const,
      key: decode(object.Key),
    }));
    yield entriesOf(listed, prefix, target);
    if (page.NextContinuationToken === undefined || !target.isPrefix) return;
    request.ContinuationToken = page.NextContinuationToken;
  }
}

async function* listUploads(
  { s3, bucket, prefix }: Bucket,
  target: Target,
  call: Call,
): AsyncGenerator<readonly Entry[]> {
  const request: ListMultipartUploadsRequest = {
    Bucket: bucket,
    Prefix: `${prefix}${target.key}`,
    MaxUploads: PAGE_SIZE,
    EncodingType: 'url',
  };
  for (;;) {
    const page = await call(() => s3.listMultipartUploads(request));
    const decode = decoderOf(page.EncodingType);
    const listed = (page.Uploads ?? []).map(({ Key, UploadId, Initiated }) => ({
      kind: 'upload' as const,
      key: decode(Key),
      UploadId,
      LastModified: Initiated,
    }));
    yield entriesOf(listed, prefix, target);
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined || page.NextKeyMarker === '') return;
    request.KeyMarker = decode(page.NextKeyMarker);
    request.UploadIdMarker = page.NextUploadIdMarker;
  }
}

/** Keys may have characters that XML has not. */
const LISTING = { MaxKeys: PAGE_SIZE, EncodingType: 'url' } as const;

/** A server that does not know the encoding answers without it. */
const decoderOf =
  (encoding: string | undefined) =>
  (key = ''): string =>
    encoding === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;

interface Listed {
  readonly kind: Entry['kind'];
  readonly key: string;
  readonly VersionId?: string | undefined;
  readonly UploadId?: string | undefined;
  readonly LastModified?: Date | undefined;
}

/** Checks each key once more, so that no server that ignores the prefix leads to objects of another subject. */
function entriesOf(listed: readonly Listed[], prefix: string, { key, isPrefix }: Target): readonly Entry[] {
  const wanted = `${prefix}${key}`;
  return listed
    .filter((each) => (isPrefix ? each.key.startsWith(wanted) : each.key === wanted))
    .map(({ kind, key: found, VersionId, UploadId, LastModified = new Date(0) }) => ({
      kind,
      path: isPrefix ? found.slice(wanted.length) : found.slice(found.lastIndexOf('/') + 1),
      modifiedAt: LastModified,
      handle: {
        in: 'bucket',
        key: found,
        ...(VersionId !== undefined && { version: VersionId }),
        ...(UploadId !== undefined && { upload: UploadId }),
      },
    }));
}

/** Whether a retention or a legal hold of Object Lock keeps the version. */
async function isHeld({ s3, bucket }: Bucket, key: string, version: string | undefined, call: Call): Promise<boolean> {
  const object = { Bucket: bucket, Key: key, ...versionOf(version) };
  const none = ['NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError', 'InvalidRequest', ...GONE];
  const retention = await call(() => orNull(none, () => s3.getObjectRetention(object)));
  if ((retention?.Retention?.RetainUntilDate?.getTime() ?? 0) > Date.now()) return true;
  const hold = await call(() => orNull(none, () => s3.getObjectLegalHold(object)));
  return hold?.LegalHold?.Status === 'ON';
}

async function inspectBucket({ s3, bucket, prefix }: Bucket): Promise<readonly ConfigError[]> {
  try {
    const { Status, MFADelete } = await s3.getBucketVersioning({ Bucket: bucket });
    const listing = { Bucket: bucket, Prefix: prefix };
    await (Status === undefined
      ? s3.listObjectsV2({ ...listing, MaxKeys: 1 })
      : s3.listObjectVersions({ ...listing, MaxKeys: 1 }));
    await s3.listMultipartUploads({ ...listing, MaxUploads: 1 });
    if (MFADelete !== 'Enabled') return [];
    return [{ path: 'at', message: 'is a bucket with MFA delete, so its versions can only be deleted by hand' }];
  } catch (error) {
    const failure = bucketError(error);
    if (failure.retryable) throw failure;
    return [{ path: 'at', message: `cannot be read with these credentials (${codeOf(error)})` }];
  }
}

/** Keeps only the code of the bucket. A cancellation passes with its reason. */
async function guarded<T>(work: () => Promise<T>, activity?: Pick<ConnectorContext, 'signal'>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (activity?.signal.aborted === true) throw activity.signal.reason;
    if (isCode(error, ['NoSuchKey', 'NoSuchVersion'])) throw new GoneError();
    throw bucketError(error);
  }
}
