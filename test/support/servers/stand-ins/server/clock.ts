/** The time of a stand-in. Limits, states of tasks and daily jobs depend on it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands until a test advances it, so that no test waits for a limit or for a daily job. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function testClock(start = '2026-02-01T00:00:00Z'): TestClock {
  let now = Date.parse(start);
  return { now: () => now, advance: (ms) => void (now += ms) };
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The next time after `at` at which a job runs that starts every day at `hour`:00 UTC. */
export function nextDailyRun(at: number, hour: number): number {
  const today = Math.floor(at / DAY) * DAY + hour * HOUR;
  return at < today ? today : today + DAY;
}
