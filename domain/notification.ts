import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts';

/** How long after the one before each attempt at a delivery is made (Standard Webhooks 1.0). Mail keeps it too. */
export const ATTEMPTS_AFTER_MS = [
  0,
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;

/** Up to this part of the wait is added, so that what failed together does not come again together. */
export const JITTER = 0.1;

/** However long a receiver asks for. */
const LONGEST_RETRY_AFTER_MS = DAY_MS;

/** The channel of a project's mail; the others are called by the ids of webhooks. */
export const MAIL = 'mail';

/** Where one workflow delivers notifications: the mail of a project, or one webhook. */
export interface Channel {
  readonly project: string;
  /** `mail`, or a webhook's id. */
  readonly channel: string;
}

/** What became of one attempt. `retryAfterMs`: the receiver asked for so much time. */
export type Attempt =
  | { readonly delivered: true }
  | { readonly delivered: false; readonly code: string; readonly retryAfterMs?: number };

/** It says that nobody is there any more: it is not asked again. */
export const GONE = 'http_410';

/** When a delivery of which so many attempts have failed is tried again; null: never. */
export function nextAttemptAt(id: string, attempts: number, failedAt: Date, retryAfterMs = 0): Date | null {
  const waitMs = ATTEMPTS_AFTER_MS[attempts];
  if (waitMs === undefined) return null;
  // The id is random, and says the same when it is asked twice.
  const share = parseInt(id.slice(-8), 16) / 2 ** 32;
  const jittered = Math.round(waitMs * (1 + JITTER * share));
  return new Date(failedAt.getTime() + Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)));
}
