import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Starter } from '../../activities/deps.ts';

// Hides the warnings about failures that the tests cause.
const logger = new DefaultLogger('ERROR');

/** Runs an activity as a worker does, with this attempt number, at the time of its input. */
export const perform = <Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
  attempt = 1,
): Promise<Output> =>
  new MockActivityEnvironment(
    {
      attempt,
      scheduledTimestampMs: asOf(input),
      currentAttemptScheduledTimestampMs: asOf(input),
      startToCloseTimeoutMs: DAY_MS,
      scheduleToCloseTimeoutMs: 3 * DAY_MS,
    },
    { logger },
  ).run<[Input], Output, (input: Input) => Promise<Output>>(activity, input);

function asOf(input: unknown): number {
  const at: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'asOf') : null;
  return typeof at === 'number' ? at : 1;
}

/** Starts and signals no workflow. */
export const idleStarter: Starter = {
  start: async () => {},
  startSuppression: async () => {},
  signalRequests: async () => {},
  startNotifications: async () => {},
  watchSystem: async () => {},
};
