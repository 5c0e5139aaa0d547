/** Timestamps are epoch milliseconds, UTC throughout; durations are milliseconds under the hood and words in the configuration. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export type DurationText =
  `${number} ${'second' | 'seconds' | 'minute' | 'minutes' | 'hour' | 'hours' | 'day' | 'days'}`;

const UNIT_MS: Readonly<Record<string, number>> = { second: 1_000, minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** `'14 days'` → 1 209 600 000; `null` when it is no duration. */
export function durationMs(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) (second|minute|hour|day)s?$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
  return match?.[1] === undefined || unit === undefined ? null : Number(match[1]) * unit;
}

/** `'02:00'` → milliseconds after midnight UTC; `null` when it is no time of day. */
export function timeOfDayMs(text: string): number | null {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return match === null ? null : Number(match[1]) * HOUR_MS + Number(match[2]) * MINUTE_MS;
}

/** The daily run, as its offset after midnight UTC; `null`: no window, hard deletion as soon as it is due. */
export type RunWindow = { readonly dailyAtMs: number } | null;

/** The first run at or after a timestamp; the timestamp itself where there is no window. */
export function firstRunAtOrAfter(timestamp: number, window: RunWindow): number {
  if (window === null) return timestamp;
  const today = Math.floor(timestamp / DAY_MS) * DAY_MS + window.dailyAtMs;
  return today >= timestamp ? today : today + DAY_MS;
}

/** The run that a timestamp belongs to: the latest at or before it. Quota is booked under this time. */
export function runAtOrBefore(timestamp: number, window: RunWindow): number {
  if (window === null) return timestamp;
  const today = Math.floor(timestamp / DAY_MS) * DAY_MS + window.dailyAtMs;
  return today <= timestamp ? today : today - DAY_MS;
}

/** The run after the one that a timestamp belongs to. */
export const nextRunAfter = (timestamp: number, window: RunWindow): number =>
  window === null ? timestamp : runAtOrBefore(timestamp, window) + DAY_MS;

/** Null where there is none. */
export function earliest(timestamps: readonly (Date | null)[]): Date | null {
  const times = timestamps.filter((timestamp) => timestamp !== null).map((timestamp) => timestamp.getTime());
  return times.length === 0 ? null : new Date(Math.min(...times));
}
