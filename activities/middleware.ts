import { Context } from '@temporalio/activity';

export type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** Calls every activity of a set through `wrapper`. */
export function wrapActivities<T extends Activities>(
  activities: T,
  wrapper: <Result>(activity: () => Promise<Result>, input: unknown) => Promise<Result>,
): T {
  const all = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => wrapper(() => activity(input), input),
  ]);
  return Object.fromEntries(all) as T;
}

/** A statement may take longer than the heartbeat timeout and cannot heartbeat itself. */
export const HEARTBEAT_MS = 3_000;

/** Makes every activity of a set heartbeat, so that Temporal retries it within seconds if its worker is killed. */
export const withHeartbeat = <T extends Activities>(activities: T): T => wrapActivities(activities, runWithHeartbeat);

export async function runWithHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
  }
}
