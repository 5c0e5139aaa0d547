import { z } from 'zod';
import { codeOf } from '../../../archives/storage/s3-client.ts';
import { ConnectorError } from '../../connector.ts';

/** What an administrator has to correct. Every other failure may end by itself. */
const REFUSED_BY_FOLDER = ['EACCES', 'EPERM', 'EROFS', 'ELOOP', 'LINK'];
/** Of one object in a call for many, which has no status. */
const REFUSED_BY_BUCKET = ['AccessDenied', 'InvalidAccessKeyId', 'CredentialsProviderError'];
/** S3 answers a slow upload with status 400. */
const SLOW = ['RequestTimeout', 'SlowDown', 'Throttling', 'ThrottlingException', 'TooManyRequestsException'];

/** The message has the code of the operating system only, because its message has paths. */
export function folderError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = typeof error === 'string' ? error : codeOf(error);
  if (code === 'LINK') return refused('a folder of the keys is a link, which is not followed');
  const isRefused = REFUSED_BY_FOLDER.includes(code);
  return new ConnectorError(isRefused ? 'refused' : 'unavailable', `folder: ${code}`, { retryable: !isRefused });
}

/** The message has the code of the bucket only, because its message has keys. */
export function bucketError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = codeOf(error);
  const isRefused = REFUSED_BY_BUCKET.includes(code) || (isClientError(error) && !SLOW.includes(code));
  return new ConnectorError(isRefused ? 'refused' : 'unavailable', `bucket: ${code}`, { retryable: !isRefused });
}

/** Whether a repetition of the same call is answered in the same way. */
function isClientError(error: unknown): boolean {
  const status = z.object({ $metadata: z.object({ httpStatusCode: z.int() }) }).safeParse(error).data
    ?.$metadata.httpStatusCode;
  return status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status);
}

export const refused = (message: string): ConnectorError =>
  new ConnectorError('refused', message, { retryable: false });

export const isCode = (error: unknown, codes: readonly string[]): boolean => codes.includes(codeOf(error));

/** Returns null for an error with one of the codes. */
export async function orNull<T>(codes: readonly string[], work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isCode(error, codes)) return null;
    throw error;
  }
}
