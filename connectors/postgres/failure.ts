import { ConnectorError } from '../connector.ts';

/** The SQLSTATE or system code of an error; the text beside it may hold an identity and goes no further. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

export const STATEMENT_TIMEOUT = '57014';
export const FOREIGN_KEY = '23503';
/** Deadlock, lock timeout, serialisation: another transaction was in the way, once. */
export const IN_THE_WAY: readonly string[] = ['40P01', '55P03', '40001'];

/** An error of a function that the caller passed in. It leaves the connector unchanged, even with a code of the driver. */
export class CallbackError extends Error {
  readonly error: Error;
  constructor(error: unknown) {
    super('the caller failed');
    this.error = error instanceof Error ? error : new Error('the caller failed');
  }
}

export async function runCallback<Result>(callback: () => Promise<Result>): Promise<Result> {
  try {
    return await callback();
  } catch (error) {
    throw new CallbackError(error);
  }
}

/** Between two steps: a verb that is cancelled ends with the caller's reason. */
export function obey(signal: AbortSignal): void {
  if (signal.aborted) throw new CallbackError(signal.reason);
}

/** Any error of the driver as one of the contract's closed codes, with the SQLSTATE and nothing else. */
export function translate(error: unknown): Error {
  if (error instanceof ConnectorError) return error;
  if (error instanceof CallbackError) return error.error;
  const code = codeOf(error);
  const message = `PostgreSQL: ${/^[0-9A-Za-z_]{2,40}$/.test(code) ? code : 'connection lost'}`;
  const [kind, retryable] = classify(code);
  return new ConnectorError(kind, message, { retryable });
}

/** What a verb that streams ends with: the caller's reason where the caller ended it. */
export const told = (error: unknown, signal: AbortSignal): Error =>
  translate(signal.aborted ? new CallbackError(signal.reason) : error);

function classify(code: string): readonly [ConnectorError['code'], boolean] {
  if (code === FOREIGN_KEY) return ['blocked_by_other_rows', false];
  if (code === STATEMENT_TIMEOUT || IN_THE_WAY.includes(code)) return ['timeout', true];
  if (['42P01', '42703', '3F000', '42883', '42P10'].includes(code)) return ['coverage_broken', false];
  // A read-only server is one that failed over: it, or its address, becomes writable again.
  if (code === '25006') return ['unavailable', true];
  if (/^(22|23|28|42|P0|3D|0A|44)/.test(code)) return ['refused', false];
  return ['unavailable', true];
}
