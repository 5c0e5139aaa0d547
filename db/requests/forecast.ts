import { type SQL, sql } from 'drizzle-orm';
import { firstRunAtOrAfter } from '../../domain/calendar.ts';
import type { SystemEntry } from '../../domain/catalog.ts';
import type { Policy } from '../../domain/policy.ts';
import { requests } from '../schema/requests.ts';
import { subjects as subjectRows } from '../schema/subjects.ts';

/** The part of a project's policy that a forecast needs (rule 12), in the units of the statement. */
export interface Forecast {
  /** The first run that any request could still be part of. */
  readonly nextRunAt: Date;
  readonly quotaPerRun: number | null;
  /** From the claim of the last subject to the last verification. */
  readonly afterClaimMs: number;
}

export const forecastOf = (
  policy: Policy,
  systems: readonly SystemEntry[],
  hardDeleteAt: Date,
  now: Date,
): Forecast => ({
  nextRunAt: new Date(Math.min(hardDeleteAt.getTime(), firstRunAtOrAfter(now.getTime(), policy.window))),
  quotaPerRun: policy.window === null ? null : policy.quotaPerRun,
  afterClaimMs: Math.max(0, ...systems.map((one) => one.completesWithinMs)) + policy.settleMs,
});

/**
 * When the last of `subjects` will be verified, as a fragment of the statement that stores or moves the request. Runs
 * claim waiting subjects within the quota, expedited ones first, then by due date. What remains for this request's first
 * run is the worst backlog of any earlier run. Holds, cancellations and expeditions move the forecast.
 */
export function estimatedCompletion(
  request: {
    readonly id: string;
    readonly project: string;
    readonly dueAt: Date;
    readonly hardDeleteAt: Date;
    readonly expedited: boolean;
    readonly forecast: Forecast;
  },
  subjects: number,
): SQL {
  const { quotaPerRun: quota, nextRunAt, afterClaimMs } = request.forecast;
  const completion = new Date(request.hardDeleteAt.getTime() + afterClaimMs);
  if (quota === null || subjects === 0) return sql`${completion}::timestamptz`;
  return sql`(
    SELECT ${completion}::timestamptz
           + greatest(ceil((greatest(max(backlog), 0) + ${subjects}::integer) / ${quota}::numeric) - 1, 0) * interval '1 day'
    FROM (SELECT sum(waiting) OVER (ORDER BY run_at DESC)
                 - ${quota}::numeric * round(extract(epoch FROM ${request.hardDeleteAt}::timestamptz - run_at) / 86400) AS backlog
          FROM (SELECT greatest(subject.hard_delete_at, ${nextRunAt}) AS run_at, count(*) AS waiting
                FROM ${subjectRows} subject JOIN ${requests} earlier ON earlier.id = subject.request_id
                WHERE subject.project = ${request.project} AND subject.request_id <> ${request.id} AND subject.state IN ('resolved', 'soft_deleted', 'scheduled')
                  AND subject.hard_delete_at <= ${request.hardDeleteAt}
                  AND (subject.expedited OR (${!request.expedited} AND earlier.due_at <= ${request.dueAt}))
                GROUP BY 1) runs) backlogs)`;
}

/** For open requests without an answer: whether the due date cannot be met, or was missed. A fragment over `requests`. */
export const atRisk = (now: Date): SQL<boolean> =>
  sql`(${requests.concludedAt} IS NULL AND ${requests.status} NOT IN ('ready', 'expired')
    AND (${requests.estimatedCompletionAt} > ${requests.dueAt} OR ${requests.dueAt} < ${now}))`;
