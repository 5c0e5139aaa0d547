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

/** The codes of the driver and the server for a connection that is lost, or ends with this error. */
export const LOST_CONNECTION = ['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P05', '25P03'];
export const isConnectionLost = (error: unknown): boolean => LOST_CONNECTION.includes(errorCode(error) ?? '');

/**
 * Keeps the process alive when a connection ends while it is opened: the driver then rejects a promise of its own that
 * has no listener (`fetchArrayTypes` of postgres 3.4). Any other unhandled rejection ends the process as before.
 */
export function surviveLostConnections(own: NodeJS.Process, onLost: (code: string | null) => void): void {
  own.on('unhandledRejection', (error: unknown) => {
    if (!isConnectionLost(error)) throw error;
    onLost(errorCode(error));
  });
}

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

/**
 * Why a process cannot start or a command fails, for its log. Contains no secret: of the URL only the host, the port, the
 * database and the role.
 */
export function startupError(
  error: unknown,
  databaseUrl?: string,
): { readonly code: string | null; readonly reason: string | undefined } {
  const code = errorCode(error);
  if (code === null) return { code, reason: isOwnError(error) ? error.message : undefined };
  if (isFileError(error)) return { code, reason: error.message };
  if (databaseUrl !== undefined && URL.canParse(databaseUrl))
    return { code, reason: databaseReason(code, new URL(databaseUrl)) };
  if (isStorageUnavailable(error)) return { code, reason: 'the database cannot be reached' };
  return { code, reason: /^(28|3D)/.test(code) ? 'the database does not exist, or the login was rejected' : undefined };
}

/** The error of a command as a sentence for a terminal. */
export function toCommandError(error: unknown, databaseUrl: string): Error {
  const { code, reason = 'the database rejected the command' } = startupError(error, databaseUrl);
  return new Error(code === null ? reason : `${reason} (${code})`, { cause: error });
}

/** Names the database in a message, without role and password. */
export function databaseAt(databaseUrl: string): string {
  const { hostname, port } = new URL(databaseUrl);
  return `the database at ${hostname || '127.0.0.1'}:${port || '5432'} (DATABASE_URL)`;
}

function databaseReason(code: string, url: URL): string | undefined {
  const address = `${url.hostname || '127.0.0.1'}:${url.port || '5432'}`;
  const role = decode(url.username) || 'that runs this process';
  if (code === '28P01')
    return `PostgreSQL at ${address} rejects the password of the role ${role}; correct DATABASE_URL`;
  if (code.startsWith('28'))
    return `PostgreSQL at ${address} does not let the role ${role} in; correct DATABASE_URL, or allow the role in pg_hba.conf`;
  if (code === '3D000')
    return `PostgreSQL at ${address} has no database ${decode(url.pathname.slice(1))}; create it, or correct DATABASE_URL`;
  if (code === '42501') return `the role ${role} of DATABASE_URL lacks a right in the database of Lethe at ${address}`;
  if (code === '53300') return `PostgreSQL at ${address} has no free connection; raise max_connections or close some`;
  if (code === '57P03') return `PostgreSQL at ${address} is starting or stopping; try again`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the host name ${url.hostname} of DATABASE_URL cannot be resolved; correct it, or check the network`;
  if (code === 'ECONNREFUSED') return `no PostgreSQL listens at ${address}; start it, or correct DATABASE_URL`;
  if (CONNECTION.has(code))
    return `PostgreSQL at ${address} cannot be reached; correct DATABASE_URL, or check the network`;
  return /^[0-9A-Z]{5}$/.test(code) ? `PostgreSQL at ${address} rejects a statement; its log has the cause` : undefined;
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const isOwnError = (error: unknown): error is Error => error instanceof Error && !(error instanceof DrizzleQueryError);

/** An error of the file system, which names the path and the reason. */
const isFileError = (error: unknown): error is Error =>
  error instanceof Error && 'path' in error && 'syscall' in error && error.syscall !== 'connect';

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
