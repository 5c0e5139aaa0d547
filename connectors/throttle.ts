import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorContext } from './connector.ts';
import { throwIfCancelled } from './callbacks.ts';

const SLICE_MS = 1_000;

/** Pauses so that deleting takes `share` of the time and the application's own statements stay fast. */
export const throttle = (workedMs: number, share: number, activity: ConnectorContext): Promise<void> =>
  sleepWithHeartbeat(workedMs * (1 / share - 1), activity);

/** Sleeps in slices, with a heartbeat before each, so that a cancellation ends the sleep early. */
export async function sleepWithHeartbeat(
  ms: number,
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<void> {
  for (let left = ms; left > 0; left -= SLICE_MS) {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    await sleep(Math.min(left, SLICE_MS), undefined, { signal: activity.signal }).catch(() =>
      throwIfCancelled(activity.signal),
    );
  }
}
