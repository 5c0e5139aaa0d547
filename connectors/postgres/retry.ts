import { setTimeout as sleep } from 'node:timers/promises';
import { FOREIGN_KEY, IN_THE_WAY, codeOf } from './failure.ts';
import type { Tuning } from './tuning.ts';

/** Another transaction was in the way, or is about to delete the row that still references ours. */
export const isRetried = (error: unknown): boolean => [...IN_THE_WAY, FOREIGN_KEY].includes(codeOf(error));

/** A few attempts, further and further apart, at random so that two of a kind do not meet again. */
export async function retrying<Result>(
  tuning: Tuning,
  again: (error: unknown) => boolean,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= tuning.retries || !again(error)) throw error;
      await sleep(tuning.backoffMs * 2 ** failures * (0.5 + Math.random()));
    }
  }
}
