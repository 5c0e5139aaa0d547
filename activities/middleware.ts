import { Context } from '@temporalio/activity';

export type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** Wraps every activity of a set. */
export function wrapActivities<T extends Activities>(
  activities: T,
  wrapped: <Result>(activity: () => Promise<Result>, input: unknown) => Promise<Result>,
): T {
  const all = Object.entries(activities).map(([name, activity]) => [
    name,
    (input: never) => wrapped(() => activity(input), input),
  ]);
  return Object.fromEntries(all) as T;
}

/** A statement may take longer than the heartbeat timeout, and does not heartbeat meanwhile. */
const HEARTBEAT_MS = 5_000;

/** Every activity of a set heartbeats: if its worker is killed, Temporal retries it in seconds, not minutes. */
export const withHeartbeat = <T extends Activities>(activities: T): T => wrapActivities(activities, heartbeating);

export async function heartbeating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
  }
}
