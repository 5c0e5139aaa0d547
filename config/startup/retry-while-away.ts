import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

interface Log {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/**
 * Repeats `work` while a part of the installation that may start later is away, such as the ledger or Temporal. `whatIsAway`
 * names it, or is null for an error that does not pass by itself, which is thrown.
 */
export async function retryWhileAway<T>(
  log: Log,
  whatIsAway: (error: unknown) => string | null,
  work: () => Promise<T>,
): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      const away = whatIsAway(error);
      if (away === null) throw error;
      log.warn({ waitMs }, `${away} is not reachable; retrying`);
      await sleep(waitMs);
    }
  }
}
