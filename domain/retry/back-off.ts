import { HOUR_MS, MINUTE_MS } from '../calendar.ts';

/** Attempts of a step before its workflow defers it. Most failures end within these seconds and need no operator. */
export const ATTEMPTS_BEFORE_ATTENTION = 3;

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 10 * MINUTE_MS;
/** The maximum jitter, as a share of the delay, so that requests that failed together are not retried together. */
const JITTER = 0.25;

/** The delay before a deferred step is retried: 2 seconds, doubled with each deferral, at most 10 minutes. */
export const deferralMs = (deferrals: number, random: number): number =>
  withJitter(Math.min(FIRST_RETRY_MS * 2 ** deferrals, LONGEST_RETRY_MS), random);

const withJitter = (delayMs: number, random: number): number => Math.round(delayMs * (1 + JITTER * random));

const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = MINUTE_MS;

/**
 * The delay before the next probe of a system that has been unavailable for `outageMs`: a quarter of that time, between a
 * second and a minute. So the end of an outage of a minute is found within 15 seconds.
 */
export const probeDelayMs = (outageMs: number): number =>
  Math.min(Math.max(Math.round(outageMs / 4), FIRST_PROBE_MS), LONGEST_PROBE_MS);

/**
 * The delay before the next probe of a system that answers probes while it fails every call: a quarter of the time since
 * the first failure, between a minute and an hour. Each answered probe lets all waiting steps try again.
 */
export const trialDelayMs = (outageMs: number): number =>
  Math.min(Math.max(Math.round(outageMs / 4), MINUTE_MS), HOUR_MS);

/** Requests whose calls have to fail, with no answered call in between, before the system counts as failing for all. */
export const REQUESTS_BEFORE_OUTAGE = 3;

/** How late a probe may be before its watch counts as lost. Longer than the timeout of a connection. */
export const PROBE_OVERDUE_MS = MINUTE_MS;
