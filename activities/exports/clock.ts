import { activityInfo } from '@temporalio/activity';

/**
 * The instant, by the clock of Temporal's server: when this attempt was scheduled, and what has passed since it began here.
 * For what is true only from now on, when an attempt may have taken hours.
 */
export function attemptClock(): () => Date {
  const begunAt = performance.now();
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return () => new Date(currentAttemptScheduledTimestampMs + Math.round(performance.now() - begunAt));
}
