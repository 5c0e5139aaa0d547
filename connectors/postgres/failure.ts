import type { Obstacle } from '../../domain/batch.ts';
import { CallbackError } from '../callbacks.ts';
import { ConnectorError } from '../connector.ts';

/** The SQLSTATE or system code of an error. Its message can contain an identity and is never used. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

export const STATEMENT_TIMEOUT = '57014';
export const FOREIGN_KEY_VIOLATION = '23503';
/** Deadlock, lock timeout, serialization failure: conflicts with another transaction that a retry resolves. */
export const LOCK_CONFLICTS: readonly string[] = ['40P01', '55P03', '40001'];

/**
 * Classes of SQLSTATE whose cause is the server, a statement, a right or a conflict. Every other error comes from the rows
 * of a subject: a constraint that they violate, or a trigger that raises an error for them.
 */
export const SERVER_CLASSES: readonly string[] =
  '08 0A 0B 20 24 25 26 28 2B 2D 34 3B 3D 3F 40 42 53 54 55 57 58 72 F0 HV XX'.split(' ');

/** The message with which lethe_system.run_redacted replaces an error that rows cause. */
export const REDACTED = 'a constraint or a trigger prevents this change, such as a row that still references it';

/** Returns the obstacle when the rows of a subject cause the error. Undefined for every other error. */
export function obstacleOf(error: unknown): Obstacle | undefined {
  if (fieldOf(error, 'message') !== REDACTED) return undefined;
  const schema = fieldOf(error, 'schema');
  const table = fieldOf(error, 'table');
  return {
    table: schema === null || table === null ? null : `${schema}.${table}`,
    constraint: fieldOf(error, 'constraint'),
  };
}

function fieldOf(error: unknown, name: 'message' | 'schema' | 'table' | 'constraint'): string | null {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : null;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** `code` of the driver is kept, because it says what an operator has to do. */
export class PostgresError extends ConnectorError {
  readonly sqlState: string;
  constructor(sqlState: string) {
    const [code, retryable] = classify(sqlState);
    super(code, `PostgreSQL: ${/^[0-9A-Za-z_]{2,40}$/.test(sqlState) ? sqlState : 'connection lost'}`, { retryable });
    this.sqlState = sqlState;
  }
}

/** Converts an error of the driver to a code of the contract. The message contains only the SQLSTATE. */
export function toConnectorError(error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  if (error instanceof CallbackError) return error.error;
  return new PostgresError(codeOf(error));
}

/** The error of a verb that streams: after a cancellation its reason, otherwise a `ConnectorError`. */
export const toStreamError = (error: unknown, signal: AbortSignal): Error =>
  toConnectorError(signal.aborted ? new CallbackError(signal.reason) : error);

function classify(code: string): readonly [ConnectorError['code'], boolean] {
  if (code === STATEMENT_TIMEOUT || LOCK_CONFLICTS.includes(code)) return ['timeout', true];
  if (['42P01', '42703', '3F000', '42883', '42P10'].includes(code)) return ['coverage_broken', false];
  // A server is read-only after a failover, until it or its address is writable again.
  if (code === '25006') return ['unavailable', true];
  if (/^(22|23|28|42|P0|3D|0A|44)/.test(code)) return ['refused', false];
  return ['unavailable', true];
}
