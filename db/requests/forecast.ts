import { type SQL, sql } from 'drizzle-orm';
import { firstRunAtOrAfter, HOUR_MS } from '../../domain/calendar.ts';
import { settleMsFor, type SystemEntry } from '../../domain/catalog.ts';
import type { Policy } from '../../domain/policy.ts';
import { holdDigests } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, IS_WAITING, subjects as subjectRows } from '../schema/subjects.ts';

/** The values of a project's policy that a forecast needs (rule 12). */
export interface Forecast {
  /** The next run of the project. */
  readonly nextRunAt: Date;
  /** Null if there is no quota. */
  readonly quotaPerRun: number | null;
  /** The estimated time from the claim of the last subject to its final verification. */
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
  afterClaimMs: Math.max(
    policy.settleMs,
    ...systems.map((system) => system.completesWithinMs + settleMsFor(policy, system)),
  ),
});

/**
 * An expression for the estimated time at which the last of the request's `subjects` is verified. Runs claim waiting
 * subjects up to the quota, expedited ones first, then by due date. The backlog at this request's first run is the
 * largest backlog that any earlier run leaves. The estimate ignores later holds, cancellations and expedited requests.
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
                FROM ${subjectRows} subject
                CROSS JOIN LATERAL (SELECT due_at FROM ${requests} WHERE requests.id = subject.request_id OFFSET 0) earlier
                WHERE subject.project = ${request.project} AND subject.request_id <> ${request.id} AND ${sql.raw(IS_WAITING)}
                  AND subject.hard_delete_at <= ${request.hardDeleteAt}
                  AND (subject.expedited OR (${!request.expedited} AND earlier.due_at <= ${request.dueAt}))
                GROUP BY 1) runs) backlogs)`;
}

/**
 * A condition on `requests`: open, not answered yet, and forecast to miss the due date, past it, or with subjects that
 * their run should have claimed over an hour ago. Held subjects wait for their release.
 */
export const atRisk = (now: Date): SQL<boolean> => {
  const lastRun = new Date(now.getTime() - HOUR_MS);
  return sql`(${requests.concludedAt} IS NULL AND ${requests.status} NOT IN ('ready', 'expired')
    AND (coalesce(${requests.estimatedCompletionAt} > ${requests.dueAt}, false) OR ${requests.dueAt} < ${now}
      OR (coalesce(${requests.hardDeleteAt} <= ${lastRun}, false) AND (${requests.resolvedAt} IS NULL OR EXISTS (
        SELECT FROM ${subjectRows} WHERE subjects.request_id = ${requests.id} AND subjects.hard_delete_at <= ${lastRun}
          AND subjects.state IN ('resolved', 'soft_deleted', 'scheduled')
          AND NOT EXISTS (
            SELECT FROM ${identityDigests} subject_digest JOIN ${holdDigests} hold USING (project, kind, digest)
            WHERE subject_digest.request_id = subjects.request_id AND subject_digest.seq = subjects.seq AND hold.active) OFFSET 0)))))`;
};
