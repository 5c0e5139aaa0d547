import { DrizzleQueryError } from 'drizzle-orm';

/**
 * Whether PostgreSQL is unavailable: no connection, starting or shutting down, out of connections, disk or memory, or a
 * read-only standby. False for an error in a statement.
 */
export function isStorageUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && (CONNECTION.has(code) || /^(08|53|57P0|58)/.test(code) || code === '25006');
}

/**
 * Whether the server ended the statement because it took too long, waited too long for a lock, or waited in a circle. Its
 * transaction changed nothing.
 */
export const isBusy = (error: unknown): boolean => ['57014', '55P03', '40P01'].includes(errorCode(error) ?? '');

/** Whether the server or the driver reports that the connection is lost, or ends with this error. */
export const isConnectionLost = (error: unknown): boolean =>
  ['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P05', '25P03'].includes(errorCode(error) ?? '');

/**
 * The code of an error of the driver or the server, also when drizzle has wrapped it. Messages are not used, because
 * they may quote stored values.
 */
export function errorCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code: unknown = 'code' in error ? error.code : null;
  if (typeof code === 'string' && /^[A-Z0-9_]{2,40}$/.test(code)) return code;
  return error instanceof DrizzleQueryError ? errorCode(error.cause) : null;
}

/** Why a process cannot start, for its log. Neither `code` nor `reason` contains a secret. */
export function startupError(error: unknown): { readonly code: string | null; readonly reason: string | undefined } {
  const code = errorCode(error);
  if (code === null) return { code, reason: isOwnError(error) ? error.message : undefined };
  if (isStorageUnavailable(error)) return { code, reason: 'the database cannot be reached' };
  return { code, reason: /^(28|3D)/.test(code) ? 'the database does not exist, or the login was rejected' : undefined };
}

const isOwnError = (error: unknown): error is Error => error instanceof Error && !(error instanceof DrizzleQueryError);

const CONNECTION = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);
