import type { TemporalFailure } from '@temporalio/common';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { StorageError } from '../archives/storage/storage.ts';
import { ConnectorError } from '../connectors/connector.ts';
import { errorCode } from '../db/errors.ts';
import { DomainError } from '../domain/errors.ts';
import type { AttentionCode } from '../domain/vocabulary.ts';
import { type Activities, wrapActivities } from './middleware.ts';

/**
 * Temporal stores failures in clear, and drivers put parameters and rows into their messages: nothing passes but a
 * closed code and a fixed sentence. No cause, no stack of the original.
 */
function redacted(error: unknown): TemporalFailure {
  if (error instanceof CancelledFailure) return error;
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ConnectorError) {
    return failure('the system could not do it', error.code, !error.retryable, error.retryAfterMs);
  }
  if (error instanceof StorageError)
    return failure('the storage of archives could not do it', `archives_${error.code}`, !retryable(error));
  if (error instanceof DomainError) return failure('refused by the ledger', error.code, true);
  if (isCancelled(error)) return new CancelledFailure('CANCELLED');
  return failure('storage operation failed', `storage_${errorCode(error) ?? 'unavailable'}`, false);
}

/** Why an operator would be called, for an error that a system or the storage threw. */
export function attentionCode(error: unknown): AttentionCode {
  if (error instanceof StorageError) return 'storage_unavailable';
  if (!(error instanceof ConnectorError)) return 'system_unavailable';
  switch (error.code) {
    case 'unavailable':
    case 'timeout':
      return 'system_unavailable';
    case 'refused':
      return 'system_refused';
    case 'coverage_broken':
      return 'coverage_broken';
    case 'blocked_by_other_rows':
      return 'blocked_by_other_rows';
  }
}

/** What the storage does not have (any more) does not come back. */
export function retryable(error: unknown): boolean {
  if (error instanceof StorageError) return error.code === 'unavailable';
  return !(error instanceof ConnectorError) || error.retryable;
}

/** Every activity of a set, with its errors redacted at the boundary. */
export const withRedactedFailures = <T extends Activities>(activities: T): T =>
  wrapActivities(activities, async (activity) => {
    try {
      return await activity();
    } catch (error) {
      throw redacted(error);
    }
  });

function failure(message: string, type: string, nonRetryable: boolean, retryAfterMs?: number): ApplicationFailure {
  const made = ApplicationFailure.create({
    message,
    type,
    nonRetryable,
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
  made.stack = `ApplicationFailure: ${message}`;
  return made;
}

export const isCancelled = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'CancelledFailure');
