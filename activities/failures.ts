import { activityInfo } from '@temporalio/activity';
import type { TemporalFailure } from '@temporalio/common';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { StorageError } from '../archives/storage/storage.ts';
import { ConnectorError, Deferral } from '../connectors/connector.ts';
import { errorCode } from '../db/errors.ts';
import { DomainError } from '../domain/errors.ts';
import type { AttentionCode } from '../domain/vocabulary.ts';
import type { ActivityDeps, ActivityLog } from './deps.ts';
import { type Activities, wrapActivities } from './middleware.ts';
import { SystemStopped } from './outages/outages.ts';

/**
 * Temporal stores failures in clear text, and drivers quote parameters and rows in their messages. Returns a failure with
 * a closed code and a fixed sentence, without cause and stack of the original.
 */
function redactError(error: unknown, isLast = false): TemporalFailure {
  if (error instanceof CancelledFailure) return error;
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof Deferral)
    return createFailure('the next call is not allowed yet', DEFERRED, isLast, delayMs(error));
  if (error instanceof SystemStopped) return createFailure(error.message, STOPPED, isLast);
  if (error instanceof ConnectorError) {
    return createFailure('the system failed', error.code, isLast || !error.retryable, error.retryAfterMs);
  }
  if (error instanceof StorageError)
    return createFailure('the archive storage failed', `archives_${error.code}`, isLast || !isRetryable(error));
  if (error instanceof DomainError) return createFailure('the ledger rejected the operation', error.code, true);
  if (isCancelled(error)) return new CancelledFailure('CANCELLED');
  return createFailure('a database operation failed', `storage_${errorCode(error) ?? 'unavailable'}`, isLast);
}

/** No failed calls, so they are not logged. */
const [DEFERRED, STOPPED] = ['deferred', 'system_stopped'];
const delayMs = ({ until }: Deferral): number =>
  Math.max(0, until.getTime() - activityInfo().currentAttemptScheduledTimestampMs);

/** The failure of the last attempt, which Temporal does not retry. */
export const lastFailure = (error: unknown): TemporalFailure => redactError(error, true);

/** The attention code for an error that a system or the archive storage threw. */
export function attentionCode(error: unknown): AttentionCode {
  if (error instanceof StorageError) return 'storage_unavailable';
  if (!(error instanceof ConnectorError)) return 'system_unavailable';
  switch (error.code) {
    case 'unavailable':
    case 'timeout':
      return 'system_unavailable';
    case 'refused':
    case 'unknown_segment':
      return 'system_refused';
    case 'coverage_broken':
      return 'coverage_broken';
  }
}

/** Whether a retry can succeed. It cannot after the archive storage has lost or damaged an object. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof StorageError) return error.code === 'unavailable';
  return !(error instanceof ConnectorError) || error.retryable;
}

/** Redacts the errors of every activity of a set, and logs each failed attempt once. */
export const withRedactedFailures = <T extends Activities>({ log }: Pick<ActivityDeps, 'log'>, activities: T): T =>
  wrapActivities(activities, async (activity, input) => {
    try {
      return await activity();
    } catch (error) {
      const failure = redactError(error);
      if (failure instanceof ApplicationFailure && ![DEFERRED, STOPPED].includes(failure.type ?? ''))
        logFailure(log, failure, input);
      throw failure;
    }
  });

/** The ids in the input of an activity, with their keys in the log. */
const LOGGED_INPUT = {
  project: 'project',
  requestId: 'request',
  suppressionId: 'suppression',
  system: 'system',
  batch: 'batch',
  channel: 'channel',
} as const;

function logFailure(log: ActivityLog, { type, nonRetryable }: ApplicationFailure, input: unknown): void {
  const { activityType: activity, attempt, retryPolicy } = activityInfo();
  const isRetried = nonRetryable !== true && attempt < (retryPolicy?.maximumAttempts || Infinity);
  const given: Readonly<Record<string, unknown>> = { ...(typeof input === 'object' ? input : null) };
  const about = Object.entries(LOGGED_INPUT).flatMap(([name, key]) =>
    given[name] === undefined || given[name] === '' ? [] : [[key, given[name]] as const],
  );
  log.warn({ activity, ...Object.fromEntries(about), code: type, attempt, isRetried }, 'activity failed');
}

function createFailure(
  message: string,
  type: string,
  nonRetryable: boolean,
  retryAfterMs?: number,
): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message,
    type,
    nonRetryable,
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
  failure.stack = `ApplicationFailure: ${message}`;
  return failure;
}

export const isCancelled = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'CancelledFailure');
