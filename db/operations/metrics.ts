import { sql } from 'drizzle-orm';
import { DAY_MS, HOUR_MS, runAtOrBefore } from '../../domain/calendar.ts';
import type { Catalog } from '../../domain/catalog.ts';
import { TERMINAL_STATUSES } from '../../domain/vocabulary.ts';
import { atRisk } from '../requests/forecast.ts';
import type { Database } from '../client.ts';
import { holdDigests } from '../schema/holds.ts';
import { projects, slots } from '../schema/projects.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects } from '../schema/subjects.ts';
import { attention } from '../schema/work.ts';
import { textArray } from '../sql.ts';

/** How long ended requests are counted: a scrape must not cost more with every year. */
const RECENT_MS = 90 * DAY_MS;

/** The figures of the ledger, each by project and by the labels in `by`. */
export const METRICS = {
  requests: { by: ['kind', 'status'], help: 'Requests that are open, and those of the last 90 days that have ended' },
  requests_at_risk: { by: [], help: 'Open requests that cannot meet their due date, or have not' },
  attention: { by: ['system', 'code'], help: 'Requests that need an operator' },
  /**
   * The last run is the one that began over an hour ago; without runs, the hour itself. A claim moves what the quota
   * leaves over to the next run, so what still names an old one was not looked at, is not hidden yet, or waits for an
   * operator.
   */
  runs_missed: { by: [], help: 'Subjects that the last run should have claimed: due, not held, and not claimed' },
  /** The first that a workflow does with a request is to resolve it. */
  oldest_unstarted_seconds: { by: [], help: 'Age of the oldest request that no workflow has begun with; 0: none' },
  confirmations_waiting: { by: [], help: 'Requests that are counted and wait for a confirmation' },
  /** Of tokens there would be a series each. */
  slots_waiting: { by: ['system'], help: 'Calls of a system that wait for their turn, by its spacing' },
} as const satisfies Readonly<Record<string, { readonly by: readonly string[]; readonly help: string }>>;
export type Metric = keyof typeof METRICS;

export interface Measured {
  readonly metric: Metric;
  readonly project: string;
  /** The values of `by`, in its order. */
  readonly first: string | null;
  readonly second: string | null;
  readonly value: number;
}

/** All figures in one statement. Missed runs are counted for configured projects only, by their policy. */
export async function measure(
  database: Database,
  { catalog, asOf }: { readonly catalog: Catalog; readonly asOf: Date },
): Promise<readonly Measured[]> {
  const configured = [...catalog.values()];
  const lastRuns = configured.map(({ policy }) =>
    new Date(runAtOrBefore(asOf.getTime() - HOUR_MS, policy.window)).toISOString(),
  );
  const spaced = configured.flatMap(({ name: project, systems }) =>
    systems.flatMap(({ name, spacingMs }) => (spacingMs === undefined ? [] : [{ project, name, spacingMs }])),
  );
  return database.execute<Measured>(sql`
    SELECT 'requests' AS metric, project, kind AS first, status AS second, count(*)::float8 AS value
    FROM (SELECT project, kind, status FROM ${requests} WHERE concluded_at IS NULL
          UNION ALL
          SELECT project, kind, status FROM ${projects} JOIN ${requests} ON project = name
          WHERE status = ANY(${textArray(TERMINAL_STATUSES)}) AND received_at >= ${new Date(asOf.getTime() - RECENT_MS)}) told
    GROUP BY project, kind, status
    UNION ALL
    SELECT metric, project, NULL, NULL, value
    FROM (SELECT name AS project, count(*) FILTER (WHERE ${atRisk(asOf)}) AS at_risk,
                 extract(epoch FROM ${asOf} - min(received_at) FILTER (WHERE status = 'received')) AS unstarted,
                 count(*) FILTER (WHERE status = 'awaiting_confirmation') AS unconfirmed
          FROM ${projects} LEFT JOIN ${requests} ON project = name AND concluded_at IS NULL GROUP BY name) open,
         LATERAL (VALUES ('requests_at_risk', at_risk::float8), ('oldest_unstarted_seconds', greatest(unstarted, 0)::float8),
                         ('confirmations_waiting', unconfirmed::float8)) AS one (metric, value)
    UNION ALL
    SELECT 'attention', project, system, code, count(DISTINCT request_id)
    FROM ${attention} JOIN ${requests} ON requests.id = request_id GROUP BY project, system, code
    UNION ALL
    SELECT 'runs_missed', configured.project, NULL, NULL, count(request_id)
    FROM unnest(${textArray(configured.map(({ name }) => name))}, ${sql.param(lastRuns)}::timestamptz[]) AS configured (project, last_run)
    LEFT JOIN ${subjects} ON subjects.project = configured.project AND state IN ('resolved', 'soft_deleted', 'scheduled') AND hard_delete_at <= last_run
      AND NOT EXISTS (SELECT FROM ${identityDigests} named JOIN ${holdDigests} hold USING (project, kind, digest)
                      WHERE named.request_id = subjects.request_id AND named.seq = subjects.seq AND hold.active)
    GROUP BY configured.project
    UNION ALL
    SELECT 'slots_waiting', project, system, NULL, greatest(ceil(extract(epoch FROM next_at - ${asOf}) * 1000 / spacing_ms) - 1, 0)
    FROM unnest(${textArray(spaced.map((one) => one.project))}, ${textArray(spaced.map((one) => one.name))},
                ${sql.param(spaced.map((one) => one.spacingMs))}::float8[]) AS spaced (project, system, spacing_ms)
    LEFT JOIN ${slots} ON name = 'system/' || project || '/' || system`);
}
