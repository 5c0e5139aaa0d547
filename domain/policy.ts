import { DAY_MS, type RunWindow, firstRunAtOrAfter } from './calendar.ts';
import type { Expedite } from './vocabulary.ts';

/** The `policy` of a project in lethe.config.ts, after validation. Durations are in milliseconds. */
export interface Policy {
  /** The grace period: the time from acceptance until subjects may be claimed. */
  readonly graceMs: number;
  /** The daily run, as `hardDeletion.dailyAt` sets it. */
  readonly window: RunWindow;
  /** The maximum number of subjects claimed per run. Null if there is no limit. */
  readonly quotaPerRun: number | null;
  /** The settle period: the time between the first empty verification and the last one, in which late events arrive. */
  readonly settleMs: number;
  /** The maximum number of identities in a request body, or in an uploaded file to export. */
  readonly subjectsPerRequest: number;
  /** The maximum number of identities in an uploaded file to delete. */
  readonly subjectsPerUpload: number;
  /** The maximum number of subjects in a segment. A larger one fails the request. */
  readonly subjectsPerSegment: number;
  /** The time from acceptance to `dueAt`, by regulation. */
  readonly deadlineMs: Readonly<Record<string, number>>;
  /** The share of subjects that a resolution may add before the claim without an operator (0.1 is 10 %). */
  readonly growth: number;
  /** The maximum number of API calls per token and minute. */
  readonly callsPerMinute: number;
  /** The time from when an archive is ready until it expires. */
  readonly exportsKeptMs: number;
  /** Whether every deletion of the project exports first (rule 18). */
  readonly exportFirst: boolean;
}

export const DEFAULT_GROWTH = 0.1;
export const DEFAULT_CALLS_PER_MINUTE = 600;
export const DEFAULT_EXPORTS_KEPT_MS = 7 * DAY_MS;

/** The maximum lifetime of a download link. The archive may be kept for longer. */
export const LONGEST_LINK_MS = 7 * DAY_MS;

/** The estimated time from acceptance until an export is ready. One attempt at a system may take a day. */
export const EXPORT_WITHIN_MS = DAY_MS;

/** How long a count can be confirmed. Later it may differ too much from the subjects that would be deleted. */
export const CONFIRMATION_MS = 3 * DAY_MS;

/** The first time at which a request's subjects may be claimed: a run, or `acceptedAt` if it is expedited to `now`. */
export function hardDeleteAt(policy: Policy, acceptedAt: number, expedite: Expedite | null): number {
  if (expedite === 'now') return acceptedAt;
  return firstRunAtOrAfter(expedite === 'next_run' ? acceptedAt : acceptedAt + policy.graceMs, policy.window);
}

/** `GDPR` and `gdpr` are one regulation. This form is stored, compared and answered. */
export const normalizeRegulation = (text: string): string => text.toLowerCase();

/** The start of an export's window: twelve months before the request under CCPA. Null, for all rows, otherwise. */
export function exportedSince(regulation: string, receivedAt: Date): Date | null {
  if (regulation !== 'ccpa') return null;
  const since = new Date(receivedAt);
  since.setUTCFullYear(since.getUTCFullYear() - 1);
  // 29 February does not exist a year earlier. The window then starts on the 28th, so that no day is missing.
  if (since.getUTCDate() !== receivedAt.getUTCDate()) since.setUTCDate(0);
  return since;
}
