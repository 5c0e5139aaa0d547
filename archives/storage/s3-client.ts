import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import { StorageError } from './storage.ts';

/** A bucket, or the objects below a prefix of a bucket. */
export interface Bucket {
  readonly s3: Sdk.S3;
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
}

/** An idle connection is closed after this time. A slow reader gets a new connection. */
const IDLE_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 4;
const MAX_READS_WITHOUT_PROGRESS = 4;

export interface BucketOptions {
  /** Names in errors what has the URL. */
  readonly owner: string;
  /** Without them, the SDK finds the credentials of the process. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** `s3://bucket/prefix?region=…&endpoint=…&forcePathStyle=true`, whose form is validated. */
export async function openBucket(url: URL, { owner, credentials }: BucketOptions): Promise<Bucket> {
  const { S3 } = await sdk(owner);
  const endpoint = url.searchParams.get('endpoint');
  const region = url.searchParams.get('region') ?? (endpoint === null ? null : 'us-east-1');
  const s3 = new S3({
    ...(credentials !== undefined && { credentials }),
    ...(region !== null && { region }),
    // Other S3 servers may not support AWS's default checksums. The encryption already authenticates the contents.
    ...(endpoint !== null && {
      endpoint,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    forcePathStyle: url.searchParams.get('forcePathStyle') === 'true',
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
  });
  await s3.config.region().catch(() => {
    throw new Error(`${owner}: the bucket needs a region; set ?region=… or AWS_REGION`);
  });
  const folder = url.pathname.replaceAll(/^\/+|\/+$/g, '');
  return { s3, bucket: url.hostname, prefix: folder === '' ? '' : `${folder}/` };
}

/** The SDK is an optional dependency, needed only for buckets. */
async function sdk(owner: string): Promise<typeof Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch {
    throw new Error(`${owner} names a bucket, which requires a package: run npm install @aws-sdk/client-s3`);
  }
}

/** Keeps only the error code of the bucket, since its message may contain names. An abort passes unchanged. */
export async function withStorageErrors<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    const code = codeOf(error);
    if (code === 'NoSuchKey') throw new StorageError('missing', 'the archive object does not exist');
    throw new StorageError('unavailable', `LETHE_ARCHIVES: the archive bucket cannot be used (${code})`);
  }
}

/** Returns null if the object does not exist. */
export async function nullIfMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError && error.code === 'missing') return null;
    throw error;
  }
}

/** The code of an SDK or network error, or `Unknown` if it does not look like a code. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return /^\w{2,40}$/.test(code) ? code : 'Unknown';
}

/** What a request adds to read an object from a byte on, if it is the same object. */
export interface ReadRange {
  readonly Range?: string;
  readonly IfMatch?: string;
}

/** Streams an object. Resumes with a range request when the connection breaks, as it does for slow readers. */
export async function* readResuming(
  get: (range: ReadRange) => Promise<Sdk.GetObjectCommandOutput>,
  failure: (reason: string) => Error,
): AsyncGenerator<Uint8Array> {
  let [at, size, readsWithoutProgress] = [0, Infinity, 0];
  let tag: string | undefined;
  while (at < size) {
    const from = at;
    const same = tag === undefined ? {} : { IfMatch: tag };
    const response = await get(from === 0 ? {} : { Range: `bytes=${from}-`, ...same });
    if (from === 0) [size, tag] = [response.ContentLength ?? 0, response.ETag];
    else if (response.ContentRange?.startsWith(`bytes ${from}-`) !== true)
      throw failure('does not support range requests');
    let broken: unknown;
    try {
      const chunks: AsyncIterable<Uint8Array> = response.Body instanceof Readable ? response.Body : Readable.from([]);
      for await (const chunk of chunks) {
        at += chunk.length;
        yield chunk;
      }
    } catch (error) {
      broken = error;
    }
    readsWithoutProgress = at > from ? 0 : readsWithoutProgress + 1;
    if (at < size && readsWithoutProgress === MAX_READS_WITHOUT_PROGRESS)
      throw failure(`closed the connection repeatedly (${codeOf(broken)})`);
  }
}
