import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorContext } from '../../connector.ts';
import { throwIfCancelled } from '../failure.ts';

const SLICE_MS = 1_000;

/** Pauses so long that deleting takes `share` of the time: small commits and pauses keep the application's inserts fast. */
export const throttle = (workedMs: number, share: number, work: ConnectorContext): Promise<void> =>
  sleepWithHeartbeat(workedMs * (1 / share - 1), work);

/** Sleeps in slices, with a heartbeat before each, so that a cancellation ends the sleep early. */
export async function sleepWithHeartbeat(
  ms: number,
  work: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<void> {
  for (let left = ms; left > 0; left -= SLICE_MS) {
    throwIfCancelled(work.signal);
    work.heartbeat();
    await sleep(Math.min(left, SLICE_MS), undefined, { signal: work.signal }).catch(() =>
      throwIfCancelled(work.signal),
    );
  }
}
