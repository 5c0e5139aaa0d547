import { sql } from 'drizzle-orm';
import { DAY_MS, HOUR_MS, runAtOrBefore } from '../../domain/calendar.ts';
import type { Catalog } from '../../domain/catalog.ts';
import { TERMINAL_STATUSES } from '../../domain/vocabulary.ts';
import { explainedWaits } from '../attention/waits.ts';
import { atRisk } from '../requests/forecast.ts';
import type { Database } from '../client.ts';
import { projectLocks } from '../project-lock.ts';
import { holdDigests } from '../schema/holds.ts';
import { projects } from '../schema/projects.ts';
import { lanes as laneRows, systemOutages, systemPauses } from '../schema/systems.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, IS_WAITING, subjects } from '../schema/subjects.ts';
import { manualTasks } from '../schema/tasks.ts';
import { attention } from '../schema/work.ts';
import { textArray } from '../sql.ts';

/** How long ended requests are counted, so that the cost of a scrape does not grow with every year. */
const RECENT_MS = 90 * DAY_MS;

/** The ledger's metrics. All have the label `project`; `by` lists the others. */
export const METRICS = {
  requests: {
    by: ['kind', 'status'],
    help: 'Open requests, and ended requests that were received in the last 90 days',
  },
  requests_at_risk: { by: [], help: 'Open requests that are forecast to miss their due date, or have missed it' },
  attention: { by: ['system', 'code'], help: 'Requests that need an operator' },
  /**
   * The last run is the latest one that started over an hour ago. A claim moves subjects over the quota to the next
   * run, so a subject that still has an earlier run was not claimed, is not hidden yet, or waits for an operator.
   */
  runs_missed: { by: [], help: 'Subjects that the last run should have claimed: due, not held, and not claimed' },
  tasks: { by: ['system', 'state'], help: 'Tasks of people that are open or overdue' },
  /** A workflow starts a request by resolving it, which ends the status `received`. */
  oldest_unstarted_seconds: {
    by: [],
    help: 'Age of the oldest request that no workflow has started, or 0',
  },
  confirmations_waiting: { by: [], help: 'Requests that are counted and wait for a confirmation' },
  /** Every decision about the subjects of a project waits for its lock. */
  project_lock_seconds: { by: [], help: 'How long a transaction has held the lock of the project, or 0' },
  project_lock_waiting: { by: [], help: 'Transactions that wait for the lock of the project' },
  system_stopped_seconds: {
    by: ['system', 'code'],
    help: 'How long every call of the system has failed, or for how long an operator has paused it (code paused)',
  },
  requests_waiting: { by: ['system', 'code'], help: 'Requests that wait for a system or its rate limit' },
  /** Systems only, because tokens would each be a separate series. */
  slots_waiting: { by: ['system'], help: 'Calls to a system that wait because of its rate limit' },
} as const satisfies Readonly<Record<string, { readonly by: readonly string[]; readonly help: string }>>;
export type Metric = keyof typeof METRICS;

/** One value of a metric. */
export interface Measured {
  readonly metric: Metric;
  readonly project: string;
  /** The values of the labels in `by`, in that order. Null for a label that the metric does not have. */
  readonly first: string | null;
  readonly second: string | null;
  readonly value: number;
}

/** Reads all metrics in one statement. `runs_missed` covers configured projects only, because it needs their policy. */
export async function measure(
  database: Database,
  { catalog, asOf }: { readonly catalog: Catalog; readonly asOf: Date },
): Promise<readonly Measured[]> {
  const configured = [...catalog.values()];
  const lastRuns = configured.map(({ policy }) =>
    new Date(runAtOrBefore(asOf.getTime() - HOUR_MS, policy.window)).toISOString(),
  );
  const limited = configured.flatMap(({ name: project, systems }) =>
    systems.flatMap(({ name, lanes = {} }) => (Object.keys(lanes).length === 0 ? [] : [{ project, name }])),
  );
  return database.execute<Measured>(sql`
    SELECT 'requests' AS metric, project, kind AS first, status AS second, count(*)::float8 AS value
    FROM (SELECT project, kind, status FROM ${requests} WHERE concluded_at IS NULL
          UNION ALL
          SELECT project, kind, status FROM ${projects} JOIN ${requests} ON project = name
          WHERE status = ANY(${textArray(TERMINAL_STATUSES)}) AND received_at >= ${new Date(asOf.getTime() - RECENT_MS)}) counted
    GROUP BY project, kind, status
    UNION ALL
    SELECT metric, project, NULL, NULL, value
    FROM (SELECT name AS project, count(*) FILTER (WHERE ${atRisk(asOf)}) AS at_risk,
                 extract(epoch FROM ${asOf} - min(received_at) FILTER (WHERE status = 'received')) AS unstarted,
                 count(*) FILTER (WHERE status = 'awaiting_confirmation') AS unconfirmed
          FROM ${projects} LEFT JOIN ${requests} ON project = name AND concluded_at IS NULL GROUP BY name) open,
         LATERAL (VALUES ('requests_at_risk', at_risk::float8), ('oldest_unstarted_seconds', greatest(unstarted, 0)::float8),
                         ('confirmations_waiting', unconfirmed::float8)) AS metrics (metric, value)
    UNION ALL
    SELECT 'attention', project, system, code, count(DISTINCT request_id)
    FROM ${attention} JOIN ${requests} ON requests.id = request_id GROUP BY project, system, code
    UNION ALL
    SELECT 'tasks', project, system, CASE WHEN due_at <= ${asOf} THEN 'overdue' ELSE 'open' END, count(*)
    FROM ${manualTasks} WHERE state = 'open' GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT 'requests_waiting', project, system, code, count(DISTINCT request_id)
    FROM (SELECT project, coalesce(stopped, system) AS system, reason AS code, request_id FROM ${explainedWaits} WHERE reason <> 'task') waiting
    GROUP BY project, system, code
    UNION ALL
    SELECT 'system_stopped_seconds', project, system, code, greatest(extract(epoch FROM ${asOf} - since), 0)::float8
    FROM (SELECT project, system, code, since FROM ${systemOutages} WHERE confirmed_at IS NOT NULL
          UNION ALL SELECT project, system, 'paused', since FROM ${systemPauses}) stopped
    UNION ALL
    SELECT 'runs_missed', configured.project, NULL, NULL, count(request_id)
    FROM unnest(${textArray(configured.map(({ name }) => name))}, ${sql.param(lastRuns)}::timestamptz[]) AS configured (project, last_run)
    LEFT JOIN ${subjects} ON subjects.project = configured.project AND ${sql.raw(IS_WAITING)} AND hard_delete_at <= last_run
      AND NOT EXISTS (SELECT FROM ${identityDigests} subject_digest JOIN ${holdDigests} hold USING (project, kind, digest)
                      WHERE subject_digest.request_id = subjects.request_id AND subject_digest.seq = subjects.seq AND hold.active)
    GROUP BY configured.project
    UNION ALL
    SELECT metric, project, NULL, NULL, value
    FROM (${projectLocks}) lock,
         LATERAL (VALUES ('project_lock_seconds', seconds::float8), ('project_lock_waiting', waiting::float8)) AS metrics (metric, value)
    UNION ALL
    SELECT 'slots_waiting', project, system, NULL, coalesce(sum(waiting), 0)
    FROM unnest(${textArray(limited.map(({ project }) => project))}, ${textArray(limited.map(({ name }) => name))}) AS limited (project, system)
    LEFT JOIN LATERAL (
      SELECT (SELECT coalesce(min(reserved), 0) FROM (
                SELECT sum((entry ->> 1)::bigint) AS reserved
                FROM jsonb_each(used) AS per_window (length, entries), jsonb_array_elements(entries) AS entry
                WHERE (entry ->> 0)::bigint + behind_ms > ${asOf.getTime()}::bigint GROUP BY length) per_window) AS waiting
      FROM ${laneRows} AS lane
      WHERE lane.project = limited.project AND lane.system = limited.system AND reserved_at + behind_ms > ${asOf.getTime()}::bigint) waits ON true
    GROUP BY project, system`);
}
