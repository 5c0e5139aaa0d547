import { DAY_MS, type RunWindow, firstRunAtOrAfter } from './calendar.ts';
import type { Expedite } from './vocabulary.ts';

/** A project's rules, checked and in milliseconds: what `policy` of lethe.config.ts means. */
export interface Policy {
  readonly graceMs: number;
  readonly window: RunWindow;
  /** Subjects hard-deleted per run; `null`: no bound. */
  readonly quotaPerRun: number | null;
  /** From the first empty verification to the last one: late events arrive meanwhile. */
  readonly settleMs: number;
  readonly subjectsPerRequest: number;
  readonly subjectsPerUpload: number;
  readonly subjectsPerSegment: number;
  /** Per regulation, from acceptance to the day by which the law wants an answer. */
  readonly deadlineMs: Readonly<Record<string, number>>;
  /** How many subjects may join between acceptance and claim, as a part of those that were resolved (0.1 = 10 %). */
  readonly growth: number;
  /** Calls of the API that one token may make in a minute. */
  readonly callsPerMinute: number;
  /** How long an archive that is ready can be had; then its key is destroyed. */
  readonly exportsKeptMs: number;
  /** Whether every deletion exports first. */
  readonly exportFirst: boolean;
}

export const DEFAULT_GROWTH = 0.1;
export const DEFAULT_CALLS_PER_MINUTE = 600;
export const DEFAULT_EXPORTS_KEPT_MS = 7 * DAY_MS;

/** The longest that a link to an archive works, however long the archive is kept. */
export const LONGEST_LINK_MS = 7 * DAY_MS;

/** By when an export is expected to be ready: a forecast, since one attempt at a system may take a day. */
export const EXPORT_WITHIN_MS = DAY_MS;

/** How long a count can be confirmed (User 360's gate for everyone). Later it is too old to stand for who would be deleted. */
export const CONFIRMATION_MS = 3 * DAY_MS;

/** The first timestamp at which a request's subjects may be claimed. */
export function hardDeleteAt(policy: Policy, acceptedAt: number, expedite: Expedite | null): number {
  if (expedite === 'now') return acceptedAt;
  return firstRunAtOrAfter(expedite === 'next_run' ? acceptedAt : acceptedAt + policy.graceMs, policy.window);
}

/** From which timestamp on rows belong into an export: under CCPA twelve months before the request, otherwise all (null). */
export function exportedSince(regulation: string, receivedAt: Date): Date | null {
  if (regulation !== 'ccpa') return null;
  const since = new Date(receivedAt);
  since.setUTCFullYear(since.getUTCFullYear() - 1);
  // A 29 February has none a year before: the twelve months begin on the 28th, or a day would be missing.
  if (since.getUTCDate() !== receivedAt.getUTCDate()) since.setUTCDate(0);
  return since;
}
