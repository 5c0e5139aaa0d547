import { and, eq, isNotNull, sql } from 'drizzle-orm';
import type { OutageCode } from '../../domain/vocabulary.ts';
import type { Database } from '../client.ts';
import { lanes, systemOutages, systemPauses, waits } from '../schema/systems.ts';

/** What the ledger knows about a system of a project. */
export interface KnownSystem {
  readonly pause: { readonly since: Date; readonly reason: string; readonly pausedBy: string } | null;
  /** Null unless the outage is confirmed. */
  readonly outage: { readonly code: OutageCode; readonly since: Date; readonly nextProbeAt: Date | null } | null;
  /** Requests with a step that waits for the system, or for its rate limit. */
  readonly waitingRequests: number;
  readonly lanes: ReadonlyMap<string, LaneState>;
}

export interface LaneState {
  /** Null if no call is postponed now. */
  readonly postponedUntil: Date | null;
  /** Reserved calls whose time has not come. */
  readonly waiting: number;
  /** Per length of a window in milliseconds, the calls that count now. */
  readonly used: Readonly<Record<string, number>>;
}

const UNKNOWN: KnownSystem = { pause: null, outage: null, waitingRequests: 0, lanes: new Map() };

/** Reads the states of the systems of a project, with a fixed number of statements. */
export async function readSystems(database: Database, project: string): Promise<(system: string) => KnownSystem> {
  const [paused, failing, waiting, reserved] = await Promise.all([
    database.select().from(systemPauses).where(eq(systemPauses.project, project)),
    database
      .select()
      .from(systemOutages)
      .where(and(eq(systemOutages.project, project), isNotNull(systemOutages.confirmedAt))),
    database.execute<{ system: string; count: number }>(sql`
      SELECT coalesce(stopped, system) AS system, count(DISTINCT request_id) FROM ${waits} WHERE project = ${project} GROUP BY 1`),
    readLanes(database, project),
  ]);
  const states = new Map<string, KnownSystem>();
  const update = (system: string, known: Partial<KnownSystem>): void =>
    void states.set(system, { ...(states.get(system) ?? UNKNOWN), ...known });
  for (const { system, since, reason, pausedBy } of paused) update(system, { pause: { since, reason, pausedBy } });
  for (const { system, code, since, nextProbeAt } of failing) update(system, { outage: { code, since, nextProbeAt } });
  for (const { system, count } of waiting) update(system, { waitingRequests: count });
  for (const { system, name, ...lane } of reserved)
    update(system, { lanes: new Map([...(states.get(system)?.lanes ?? []), [name, lane]]) });
  return (system) => states.get(system) ?? UNKNOWN;
}

/** Entries of many calls have the time of their last one, so the window with the fewest waiting calls is exact. */
const readLanes = (database: Database, project: string) =>
  database.execute<LaneState & { system: string; name: string }>(sql`
    WITH lane AS (
      SELECT system, name, used, CASE WHEN postponed_until > clock_timestamp() THEN postponed_until END AS postponed_until,
             extract(epoch FROM clock_timestamp()) * 1000 - behind_ms AS now
      FROM ${lanes} WHERE project = ${project})
    SELECT system, name, postponed_until, coalesce(min(waiting), 0) AS waiting,
           coalesce(jsonb_object_agg(length, counted) FILTER (WHERE length IS NOT NULL), '{}') AS used
    FROM lane LEFT JOIN LATERAL (
      SELECT length, coalesce(sum((entry ->> 1)::bigint) FILTER (WHERE (entry ->> 0)::bigint + length::bigint > now), 0) AS counted,
             coalesce(sum((entry ->> 1)::bigint) FILTER (WHERE (entry ->> 0)::bigint > now), 0)::bigint AS waiting
      FROM jsonb_each(used) AS per_window (length, entries), jsonb_array_elements(entries) AS entry GROUP BY length) windows ON true
    GROUP BY system, name, postponed_until, now`);
