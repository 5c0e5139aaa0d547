import { StorageError } from '../../archives/storage/storage.ts';
import { ConnectorError } from '../../connectors/connector.ts';
import { LETHE } from '../../db/audit/audit.ts';
import { endOutage, forgetFailedRequests, type OutageKey, recordFailedCall } from '../../db/outages/outages.ts';
import { readStop } from '../../db/outages/stops.ts';
import type { OutageCode } from '../../domain/vocabulary.ts';
import type { ActivityDeps } from '../deps.ts';

/** Signals in one call to Temporal's client, which has a deadline for all of them. */
const SIGNALS_PER_CALL = 100;

/** No step calls the system now: it is paused, or every call fails. The call was not made, or was stopped. */
export class SystemStopped extends Error {
  readonly system: string;
  constructor(system: string) {
    super('no step calls the system now');
    this.name = 'SystemStopped';
    this.system = system;
  }
}

/**
 * Returns what a failed call says about its system. Null for a failure of one step, such as a timeout, and for a system that
 * asks for time.
 */
export function outageCodeOf(error: unknown): OutageCode | null {
  if (error instanceof StorageError) return error.code === 'unavailable' ? 'storage_unavailable' : null;
  if (!(error instanceof ConnectorError)) return null;
  switch (error.code) {
    case 'unavailable':
      return error.retryable && error.retryAfterMs === undefined ? 'system_unavailable' : null;
    case 'refused':
      return 'system_refused';
    case 'coverage_broken':
      return 'coverage_broken';
    case 'timeout':
    case 'unknown_segment':
      return null;
  }
}

/** The system that an error of a call to `system` concerns. */
export const failingSystem = (error: unknown, system: string): string =>
  error instanceof SystemStopped ? error.system : error instanceof StorageError ? LETHE : system;

interface ObservedCall {
  readonly now: () => Date;
  /** The request that the call is for. Null for an inspection, and for a call that belongs to no request. */
  readonly requestId: string | null;
  /** An inspection that fails says that every call fails. One that succeeds says nothing about other calls. */
  readonly isInspection: boolean;
  /** Whether the system has answered a part of the call, so that a failure does not mean that every call fails. */
  readonly hasAnswered: () => boolean;
}

/**
 * Calls a system unless no step calls it now, so that a thousand waiting requests make no calls. A failed call starts a
 * watch; one that succeeds ends the outage and wakes what waits for the system.
 */
export async function observeOutages<T>(
  deps: ActivityDeps,
  key: OutageKey,
  observed: ObservedCall,
  call: () => Promise<T>,
): Promise<T> {
  const { now, isInspection } = observed;
  const calledAt = now();
  if ((await readStop(deps.database, key, calledAt)) !== null) throw new SystemStopped(key.system);
  let result: T;
  try {
    result = await call();
  } catch (error) {
    await recordFailure(deps, { ...key, system: failingSystem(error, key.system) }, observed, error);
    throw error;
  }
  await signalAll(deps, await endOutage(deps.database, key, { calledAt, at: now(), isInspection }));
  return result;
}

/** If the start of the watch is lost, a later failed call or housekeeping repeats it. */
async function recordFailure(
  deps: ActivityDeps,
  key: OutageKey,
  { now, requestId, isInspection, hasAnswered }: ObservedCall,
  error: unknown,
): Promise<void> {
  const code = outageCodeOf(error);
  if (code === null) return;
  if (hasAnswered()) await forgetFailedRequests(deps.database, key);
  const counted = isInspection || hasAnswered() ? null : requestId;
  // A refusal of a part, or of a call that belongs to no request, says nothing about other calls.
  if (!isInspection && counted === null && code !== 'system_unavailable') return;
  const { startsWatch, wake } = await recordFailedCall(deps.database, key, { code, requestId: counted, at: now() });
  if (startsWatch) await deps.starter.watchSystem(key.project, key.system);
  await signalAll(deps, wake);
}

export async function signalAll(deps: Pick<ActivityDeps, 'starter'>, requestIds: readonly string[]): Promise<void> {
  for (let from = 0; from < requestIds.length; from += SIGNALS_PER_CALL)
    await deps.starter.signalRequests(requestIds.slice(from, from + SIGNALS_PER_CALL));
}
