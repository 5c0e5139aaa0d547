import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts';

/**
 * The delay before each attempt of a delivery, after the previous attempt: seconds for a restart of the receiver, then
 * longer, for three days. Mail uses it too.
 */
export const ATTEMPTS_AFTER_MS = [
  0,
  2_000,
  30_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  8 * HOUR_MS,
  16 * HOUR_MS,
  24 * HOUR_MS,
  24 * HOUR_MS,
] as const;

/** The maximum jitter, as a share of the delay, so that deliveries that failed together are not retried together. */
export const JITTER = 0.1;

/** The maximum delay that a receiver can request. */
const LONGEST_RETRY_AFTER_MS = DAY_MS;

/** The channel of a project's mail. The other channels are named by the ids of webhooks. */
export const MAIL = 'mail';

/** The mail of a project, or one webhook. One workflow delivers the notifications of a channel. */
export interface Channel {
  readonly project: string;
  /** `mail`, or a webhook's id. */
  readonly channel: string;
}

/** The result of one attempt. `retryAfterMs` is the delay that the receiver requests. */
export type Attempt =
  | { readonly delivered: true }
  | { readonly delivered: false; readonly code: string; readonly retryAfterMs?: number };

/** The code of a failure with status 410, which disables the webhook. The delivery is not retried. */
export const RECEIVER_GONE = 'http_410';

/** When a delivery is retried after `attempts` failures. Null after the last attempt. */
export function nextAttemptAt(id: string, attempts: number, failedAt: Date, retryAfterMs = 0): Date | null {
  const waitMs = ATTEMPTS_AFTER_MS[attempts];
  if (waitMs === undefined) return null;
  // Derived from the random id, so that the result is the same each time.
  const share = parseInt(id.slice(-8), 16) / 2 ** 32;
  const jittered = Math.round(waitMs * (1 + JITTER * share));
  return new Date(failedAt.getTime() + Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)));
}
