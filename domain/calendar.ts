// Timestamps are epoch milliseconds in UTC. Durations are milliseconds in code, and words such as `14 days` in
// lethe.config.ts.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A duration as lethe.config.ts writes it. */
export type DurationText =
  `${number} ${'second' | 'seconds' | 'minute' | 'minutes' | 'hour' | 'hours' | 'day' | 'days'}`;

const UNIT_MS: Readonly<Record<string, number>> = { second: 1_000, minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** Parses a duration: `'14 days'` is 1 209 600 000. Null if the text is not a duration. */
export function durationMs(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) (second|minute|hour|day)s?$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
  return match?.[1] === undefined || unit === undefined ? null : Number(match[1]) * unit;
}

/**
 * Parses a time of day, such as `'02:00'`, as milliseconds after midnight UTC. Null if the text is not a time of day.
 */
export function timeOfDayMs(text: string): number | null {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return match === null ? null : Number(match[1]) * HOUR_MS + Number(match[2]) * MINUTE_MS;
}

/** The daily run, as milliseconds after midnight UTC. Null if subjects are hard-deleted as soon as they are due. */
export type RunWindow = { readonly dailyAtMs: number } | null;

/** The first run at or after a timestamp. Without a window, the timestamp itself. */
export function firstRunAtOrAfter(timestamp: number, window: RunWindow): number {
  if (window === null) return timestamp;
  const today = Math.floor(timestamp / DAY_MS) * DAY_MS + window.dailyAtMs;
  return today >= timestamp ? today : today + DAY_MS;
}

/**
 * The latest run at or before a timestamp. Without a window, the timestamp itself. Quota is booked under it (rule 12).
 */
export function runAtOrBefore(timestamp: number, window: RunWindow): number {
  if (window === null) return timestamp;
  const today = Math.floor(timestamp / DAY_MS) * DAY_MS + window.dailyAtMs;
  return today <= timestamp ? today : today - DAY_MS;
}

/** The run that follows the latest run at or before a timestamp. Without a window, the timestamp itself. */
export const nextRunAfter = (timestamp: number, window: RunWindow): number =>
  window === null ? timestamp : runAtOrBefore(timestamp, window) + DAY_MS;

/** The earliest timestamp, ignoring nulls. Null if all are null. */
export function earliest(timestamps: readonly (Date | null)[]): Date | null {
  const times = timestamps.filter((timestamp) => timestamp !== null).map((timestamp) => timestamp.getTime());
  return times.length === 0 ? null : new Date(Math.min(...times));
}
