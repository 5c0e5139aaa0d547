import { isGrpcServiceError } from '@temporalio/client';

/** What went wrong as a closed word: the text of a failure is never logged, for it may quote what it was about. */
export function temporalCode(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isGrpcServiceError(cause)) return GRPC[cause.code] ?? `grpc_${cause.code}`;
  return error instanceof Error ? error.name : 'unknown';
}

/** Those that say something about the server or about us; any other keeps its number. */
const GRPC: Readonly<Record<number, string>> = {
  3: 'invalid_argument',
  4: 'deadline_exceeded',
  5: 'not_found',
  7: 'permission_denied',
  8: 'resource_exhausted',
  14: 'unavailable',
  16: 'unauthenticated',
};
