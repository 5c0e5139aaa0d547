import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryTuning {
  readonly retries: number;
  readonly backoffMs: number;
}

/** Retries with exponential backoff and jitter, so that two conflicting transactions do not collide again. */
export async function retry<Result>(
  tuning: RetryTuning,
  isRetryable: (error: unknown) => boolean,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= tuning.retries || !isRetryable(error)) throw error;
      await sleep(tuning.backoffMs * 2 ** failures * (0.5 + Math.random()));
    }
  }
}
