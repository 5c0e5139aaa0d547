import { setTimeout as sleep } from 'node:timers/promises';
import type { Work } from '../../connector.ts';
import { obey } from '../failure.ts';

const SLICE_MS = 1_000;

/** Pauses so long that deleting takes `share` of the time (facts: small commits and a duty cycle keep inserts fast). */
export const rest = (workedMs: number, share: number, work: Work): Promise<void> =>
  wait(workedMs * (1 / share - 1), work);

/** Sleeps in slices: alive to whoever watches, and gone soon after it is told to stop. */
export async function wait(ms: number, work: Pick<Work, 'signal' | 'heartbeat'>): Promise<void> {
  for (let left = ms; left > 0; left -= SLICE_MS) {
    obey(work.signal);
    work.heartbeat();
    await sleep(Math.min(left, SLICE_MS), undefined, { signal: work.signal }).catch(() => obey(work.signal));
  }
}
