import { DAY_MS } from '../calendar.ts';

/**
 * At most `calls` in any period of `perMs`. `{ calls: 1, perMs: 2_000 }` is a spacing of two seconds. A quota per calendar
 * month is a window of 31 days, which no month exceeds.
 */
export interface Window {
  readonly calls: number;
  readonly perMs: number;
}

/** The windows of each lane of a system: calls that share their limits. A call has to fit into all windows of its lane. */
export type Lanes = Readonly<Record<string, readonly Window[]>>;

/** What is wrong with the windows of a lane. Null if nothing is. */
export function mistakeIn(windows: readonly Window[]): string | null {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
  if (!windows.every(({ calls, perMs }) => isCount(calls) && isCount(perMs)))
    return 'needs whole numbers of at least 1 as the calls and the milliseconds of a window';
  if (windows.some(({ perMs }) => perMs > LONGEST_WINDOW_MS)) return 'has a window of more than 31 days';
  const isTwice = new Set(windows.map(({ perMs }) => perMs)).size < windows.length;
  return isTwice ? 'has two windows of the same length; keep the one with fewer calls' : null;
}
const LONGEST_WINDOW_MS = 31 * DAY_MS;

/** The share of a window, and the most, that a call may start later than it was reserved for. */
const SLACK = { share: 0.035, maxMs: 1_000 } as const;

/**
 * How much later than its reserved time a call may reach the system. The reservations keep this distance in addition, so
 * that no window is exceeded where the calls arrive. With the groups below, more than 95 % of each window can be used.
 */
export const slackMs = (windows: readonly Window[]): number =>
  Math.min(SLACK.maxMs, Math.max(1, Math.floor(SLACK.share * Math.min(...windows.map(({ perMs }) => perMs)))));

/** Reserved times that are kept per window. Further calls share them, which costs up to a hundredth of the window. */
const KEPT_TIMES = 100;

/** Calls whose reserved times are closer than this are kept as one entry, with the time of the last one. */
export const groupMs = ({ calls, perMs }: Window): number =>
  calls <= KEPT_TIMES ? 1 : Math.max(1, Math.floor(perMs / KEPT_TIMES));
