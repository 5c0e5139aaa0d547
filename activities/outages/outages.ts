import { StorageError } from '../../archives/storage/storage.ts';
import { ConnectorError } from '../../connectors/connector.ts';
import { LETHE } from '../../db/audit/audit.ts';
import { endOutage, isOutageConfirmed, type OutageKey, recordUnanswered } from '../../db/outages/outages.ts';
import type { ActivityDeps } from '../deps.ts';

/** Signals in one call to Temporal's client, which has a deadline for all of them. */
const SIGNALS_PER_CALL = 100;

/** An outage that was known before the call, so that the call was not made. */
const knownOutages = new WeakSet<Error>();
export const isKnownOutage = (error: unknown): boolean => error instanceof Error && knownOutages.has(error);

/** Whether the error says that a system or the archive storage did not answer. */
export const isUnanswered = (error: unknown): error is ConnectorError | StorageError =>
  (error instanceof ConnectorError && error.retryable && error.code === 'unavailable') ||
  (error instanceof StorageError && error.code === 'unavailable');

/**
 * Calls a system unless a probe has found it unavailable, so that a thousand waiting requests make no calls. The first
 * call without an answer starts a watch; a call that succeeds ends the outage and wakes what waits for the system.
 */
export async function observeOutages<T>(
  deps: ActivityDeps,
  key: OutageKey,
  now: () => Date,
  call: () => Promise<T>,
): Promise<T> {
  const calledAt = now();
  if (await isOutageConfirmed(deps.database, key, calledAt)) throw knownOutage(key);
  let result: T;
  try {
    result = await call();
  } catch (error) {
    if (isUnanswered(error)) await watchOutage(deps, error instanceof StorageError ? storageOf(key) : key, now());
    throw error;
  }
  await endOutageAndSignal(deps, key, { calledAt, at: now() });
  return result;
}

const storageOf = ({ project }: OutageKey): OutageKey => ({ project, system: LETHE });

function knownOutage({ system }: OutageKey): Error {
  const error =
    system === LETHE
      ? new StorageError('unavailable', 'the archive storage is unavailable')
      : new ConnectorError('unavailable', 'the system is unavailable', { retryable: true });
  knownOutages.add(error);
  return error;
}

/** If the start is lost, a later failed call or housekeeping repeats it. */
async function watchOutage(deps: ActivityDeps, key: OutageKey, at: Date): Promise<void> {
  const isUnwatched = await recordUnanswered(deps.database, key, at);
  if (isUnwatched) await deps.starter.watchSystem(key.project, key.system);
}

export async function endOutageAndSignal(
  deps: ActivityDeps,
  key: OutageKey,
  times: { readonly calledAt: Date; readonly at: Date },
): Promise<void> {
  const wake = await endOutage(deps.database, key, times);
  for (let from = 0; from < wake.length; from += SIGNALS_PER_CALL)
    await deps.starter.signalRequests(wake.slice(from, from + SIGNALS_PER_CALL));
}
