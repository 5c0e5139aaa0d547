import { DrizzleQueryError } from 'drizzle-orm';

/**
 * Whether an error says that PostgreSQL cannot be used now, and not that the question was wrong: no connection,
 * shutting down or starting, out of connections, disk or memory, or a standby that takes no writes.
 */
export function isStorageUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && (CONNECTION.has(code) || /^(08|53|57P0|58)/.test(code) || code === '25006');
}

/** Whether a connection has gone, or goes with this error: the server says so, or nobody does any more. */
export const isConnectionLost = (error: unknown): boolean =>
  ['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P05', '25P03'].includes(errorCode(error) ?? '');

/**
 * The closed code of the driver or the server, also where drizzle has wrapped the error. Never their text, which may
 * quote a value that was to be stored.
 */
export function errorCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code: unknown = 'code' in error ? error.code : null;
  if (typeof code === 'string' && /^[A-Z0-9_]{2,40}$/.test(code)) return code;
  return error instanceof DrizzleQueryError ? errorCode(error.cause) : null;
}

/** What keeps a process from starting, for its log: a code, or else words of our own; neither shows a secret. */
export function startFault(error: unknown): { readonly code: string | null; readonly reason: string | undefined } {
  const code = errorCode(error);
  if (code === null) return { code, reason: error instanceof Error ? error.message : undefined };
  if (isStorageUnavailable(error)) return { code, reason: 'the database cannot be reached' };
  return { code, reason: /^(28|3D)/.test(code) ? 'the database does not exist, or refuses the login' : undefined };
}

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
