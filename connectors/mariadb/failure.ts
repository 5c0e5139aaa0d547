import { CallbackError } from '../callbacks.ts';
import { ConnectorError } from '../connector.ts';

/** The number or the code of an error. Its message can contain an identity and is never passed on. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const errno: unknown = Reflect.get(error, 'errno');
  const code: unknown = Reflect.get(error, 'code');
  if (typeof errno === 'number' && errno > 0) return String(errno);
  return typeof code === 'string' ? code : '';
}

/** max_statement_time, and KILL QUERY. */
const STATEMENT_TIMEOUTS: readonly string[] = ['1969', '1317'];
/** Deadlock, lock wait timeout, and a record that changed since it was read. */
const LOCK_CONFLICTS: readonly string[] = ['1213', '1205', '1020'];
/** A row is still referenced, or refers to none. */
const FOREIGN_KEY_VIOLATIONS: readonly string[] = ['1451', '1452', '1216', '1217', '1761', '1834'];
/** The rows of a subject cause these: a constraint, or a trigger that signals. */
const ROW_ERRORS: readonly string[] = [
  ...FOREIGN_KEY_VIOLATIONS,
  '1644',
  '1048',
  '1062',
  '1586',
  '3819',
  '4025',
  '1690',
];

export const isStatementTimeout = (error: unknown): boolean => STATEMENT_TIMEOUTS.includes(codeOf(error));
export const isLockConflict = (error: unknown): boolean => LOCK_CONFLICTS.includes(codeOf(error));
/** These conflicts, or a reference from a row that another transaction may be about to delete. */
export const isConflict = (error: unknown): boolean =>
  isLockConflict(error) || FOREIGN_KEY_VIOLATIONS.includes(codeOf(error));
export const isRowError = (error: unknown): boolean => ROW_ERRORS.includes(codeOf(error));
export const isMissingRight = (error: unknown): boolean =>
  ['1142', '1143', '1044', '1370', '1227'].includes(codeOf(error));

export class MariadbError extends ConnectorError {
  readonly number: string;
  constructor(number: string) {
    const [code, retryable] = classify(number);
    super(code, `MariaDB: ${/^[0-9A-Za-z_]{2,60}$/.test(number) ? number : 'connection lost'}`, { retryable });
    this.number = number;
  }
}

/** Converts an error of the driver to a code of the contract. The message contains only the number. */
export function toConnectorError(error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  if (error instanceof CallbackError) return error.error;
  return new MariadbError(codeOf(error));
}

/** The error of a verb that streams: after a cancellation its reason, otherwise a `ConnectorError`. */
export const toStreamError = (error: unknown, signal: AbortSignal): Error =>
  toConnectorError(signal.aborted ? new CallbackError(signal.reason) : error);

/** An unknown table, column, routine or database, or collations that do not compare. */
const BROKEN_MAP: readonly string[] = ['1146', '1054', '1305', '1049', '1267', '1271', '1051', '1072'];
/** The server or its data is read-only: after a failover until it, or its address, is writable again. */
const READ_ONLY: readonly string[] = ['1290', '1836', '1792'];
/** Wrong password or host, a missing right, a syntax error, a constraint, a value that does not fit, no memory for keys. */
const REFUSED: readonly string[] = [
  ...'1044 1045 1064 1093 1129 1130 1136 1137 1142 1143 1227 1251 1264 1265 1292 1364 1366 1370 1406'.split(' '),
  ...'1665 1698 1820 1862 3098 4151'.split(' '),
  ...ROW_ERRORS,
];

/** Another server than MariaDB does not know all settings of a session. */
export const UNKNOWN_SETTING = '1193';
/** A URL or a certificate that cannot work, or another server. */
const UNUSABLE: readonly string[] = [
  'ERR_INVALID_URL',
  'ERR_OTHER_DATABASE',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
  UNKNOWN_SETTING,
];

function classify(code: string): readonly [ConnectorError['code'], boolean] {
  if (STATEMENT_TIMEOUTS.includes(code) || LOCK_CONFLICTS.includes(code)) return ['timeout', true];
  if (BROKEN_MAP.includes(code)) return ['coverage_broken', false];
  if (READ_ONLY.includes(code)) return ['unavailable', true];
  if (REFUSED.includes(code) || UNUSABLE.includes(code)) return ['refused', false];
  return ['unavailable', true];
}
