import type * as Sdk from '@aws-sdk/client-s3';
import { StorageError } from './storage.ts';

/** A bucket, or what is below a prefix of one. */
export interface Bucket {
  readonly s3: Sdk.S3;
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
}

/** A connection that says nothing for so long is given up. Whoever reads slowly is given another one. */
const SILENCE_MS = 60_000;
const CONNECT_MS = 5_000;
const ATTEMPTS = 4;

/** `s3://bucket/prefix?region=…&endpoint=…&forcePathStyle=true`, checked by config/; credentials are found by the SDK. */
export async function openBucket(url: URL): Promise<Bucket> {
  const { S3 } = await sdk();
  const endpoint = url.searchParams.get('endpoint');
  const region = url.searchParams.get('region') ?? (endpoint === null ? null : 'us-east-1');
  const s3 = new S3({
    ...(region !== null && { region }),
    // Not every other server knows the checksums that AWS knows. What lies there authenticates itself.
    ...(endpoint !== null && {
      endpoint,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    forcePathStyle: url.searchParams.get('forcePathStyle') === 'true',
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  });
  await s3.config.region().catch(() => {
    throw new Error('LETHE_ARCHIVES: a bucket needs its region, by ?region=… or AWS_REGION');
  });
  const folder = url.pathname.replaceAll(/^\/+|\/+$/g, '');
  return { s3, bucket: url.hostname, prefix: folder === '' ? '' : `${folder}/` };
}

/** Only whoever keeps archives in a bucket needs it. */
async function sdk(): Promise<typeof Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch {
    throw new Error('LETHE_ARCHIVES is a bucket, which needs a package: npm install @aws-sdk/client-s3');
  }
}

/** Of what the bucket says only its closed code goes on; an abort stays what it is. */
export async function guarded<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    const code = codeOf(error);
    if (code === 'NoSuchKey') throw new StorageError('missing', 'there is no such object in the archives');
    throw new StorageError('unavailable', `the bucket of the archives cannot be used (${code})`);
  }
}

/** Null: nothing has that name. */
export async function unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError && error.code === 'missing') return null;
    throw error;
  }
}

/** Of an error of the SDK or of the network; `Unknown` where it is no word of theirs. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return /^\w{2,40}$/.test(code) ? code : 'Unknown';
}
