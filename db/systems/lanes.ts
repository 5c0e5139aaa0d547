import { type SQL, sql } from 'drizzle-orm';
import { groupMs, type Window } from '../../domain/retry/pace.ts';
import type { Database } from '../client.ts';
import { lanes } from '../schema/systems.ts';
import { bigintArray } from '../sql.ts';

/** A lane of a system: calls that share their limits. */
export interface LaneKey {
  readonly project: string;
  readonly system: string;
  readonly lane: string;
}

/** The current time in epoch milliseconds. Default: the database's clock, which all processes share. */
interface Clock {
  readonly now?: number | undefined;
}

export interface Wanted extends Clock {
  readonly windows: readonly Window[];
  /** How much later than the reserved time the call may reach the system. */
  readonly slackMs: number;
  /** A call that would wait longer reserves nothing. */
  readonly longestMs: number;
}

export interface Reservation {
  /** From the database's clock when it had the lane to the reserved time, in milliseconds. */
  readonly waitMs: number;
  /** The reserved time on the lane's clock, which was `behindMs` behind. */
  readonly at: number;
  readonly behindMs: number;
  /** How long the statement waited for other processes, in milliseconds. */
  readonly queuedMs: number;
  /** False if the call would wait longer than it may. */
  readonly isReserved: boolean;
}

const ofLane = ({ project, system, lane }: LaneKey): SQL =>
  sql`project = ${project} AND system = ${system} AND name = ${lane}`;
const inMs = (time: SQL): SQL => sql`ceil(extract(epoch FROM ${time}) * 1000)::bigint`;
const nowMs = (now: number | undefined): SQL => sql`coalesce(${now ?? null}::bigint, ${inMs(sql`clock_timestamp()`)})`;

/**
 * Reserves the earliest time at which a call fits into all windows of its lane. One statement, which locks one row, so that
 * all processes share the limits. An entry counts until its window has passed since the latest time at which its calls
 * can arrive, and so a call never meets more than `calls - 1` others in a period of `perMs` before it.
 */
export async function reserveSlot(database: Database, key: LaneKey, wanted: Wanted): Promise<Reservation> {
  const { windows, slackMs, longestMs, now } = wanted;
  const [slot] = await database.execute<Reservation>(sql`
    WITH locked AS MATERIALIZED (
      SELECT reserved_at, behind_ms, postponed_until, used FROM ${lanes} WHERE ${ofLane(key)} FOR NO KEY UPDATE),
    lane AS MATERIALIZED (
      SELECT reserved_at, behind_ms, ${inMs(sql`postponed_until`)} - behind_ms AS postponed_until, used,
             ${nowMs(now)} - behind_ms AS now,
             extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 AS queued_ms FROM locked),
    windows AS MATERIALIZED (
      SELECT * FROM unnest(${bigintArray(windows.map(({ perMs }) => perMs))}, ${bigintArray(windows.map(({ calls }) => calls))},
                           ${bigintArray(windows.map(groupMs))}) AS given (per_ms, calls, group_ms)),
    past AS MATERIALIZED (
      SELECT per_ms, calls, group_ms, (entry ->> 0)::bigint AS at, (entry ->> 1)::bigint AS count
      FROM lane, windows, jsonb_array_elements(used -> per_ms::text) AS entry),
    full_until AS (
      SELECT max(at + per_ms) AS at
      FROM (SELECT per_ms, calls, at, sum(count) OVER (PARTITION BY per_ms ORDER BY at DESC) AS total FROM past) counted
      WHERE total >= calls),
    slot AS MATERIALIZED (
      SELECT greatest(now, reserved_at, postponed_until, full_until.at) AS at, now, behind_ms, queued_ms FROM lane, full_until),
    stored AS (
      UPDATE ${lanes} SET reserved_at = slot.at, used = (
        SELECT coalesce(jsonb_object_agg(per_ms, entries), '{}')
        FROM (SELECT per_ms, jsonb_agg(jsonb_build_array(at, count) ORDER BY at) AS entries
              FROM (SELECT per_ms, max(at) AS at, sum(count) AS count
                    FROM (SELECT per_ms, group_ms, at, count FROM past WHERE at + per_ms > slot.at OR at > slot.now
                          UNION ALL SELECT per_ms, group_ms, slot.at + ${Math.ceil(slackMs)}::bigint, 1 FROM windows) kept
                    GROUP BY per_ms, at / group_ms) grouped
              GROUP BY per_ms) per_window)
      FROM slot WHERE ${ofLane(key)} AND slot.at - slot.now <= ${longestMs}::float8
      RETURNING true)
    SELECT at - now AS wait_ms, at, behind_ms, queued_ms::float8, EXISTS (SELECT FROM stored) AS is_reserved FROM slot`);
  if (slot !== undefined) return slot;
  const { project, system, lane: name } = key;
  await database.insert(lanes).values({ project, system, name }).onConflictDoNothing();
  return reserveSlot(database, key, wanted);
}

/**
 * Sets the clock of the lane back for a call that starts later than reserved, within `withinMs` from now, so that later
 * calls keep their distance from it. Returns false after `latestAt`, when later calls may not notice it any more.
 */
export async function delayLane(
  database: Database,
  key: LaneKey,
  late: Clock & { readonly at: number; readonly withinMs: number; readonly latestAt: number },
): Promise<boolean> {
  const { at, withinMs, latestAt, now } = late;
  const delayed = await database.execute<never>(sql`
    WITH locked AS MATERIALIZED (SELECT behind_ms FROM ${lanes} WHERE ${ofLane(key)} FOR NO KEY UPDATE),
    lane AS MATERIALIZED (SELECT behind_ms, ${nowMs(now)} AS now FROM locked)
    UPDATE ${lanes} SET behind_ms = greatest(lane.behind_ms, lane.now + ${withinMs}::bigint - ${at}::bigint)
    FROM lane WHERE ${ofLane(key)} AND lane.now <= ${latestAt}::float8 RETURNING true`);
  return delayed.count > 0;
}

/** How long the lane is still postponed, and how far its clock is behind, in milliseconds. */
export async function readLane(
  database: Database,
  key: LaneKey,
  { now }: Clock = {},
): Promise<{ readonly postponedMs: number; readonly behindMs: number }> {
  const [lane] = await database.execute<{ postponedMs: number; behindMs: number }>(sql`
    SELECT greatest(${inMs(sql`postponed_until`)} - ${nowMs(now)}, 0) AS postponed_ms, behind_ms
    FROM ${lanes} WHERE ${ofLane(key)}`);
  return lane ?? { postponedMs: 0, behindMs: 0 };
}

/** Allows no call of the lane for `forMs`, in any process. Never allows one earlier than before. */
export async function postponeLane(database: Database, key: LaneKey, forMs: number): Promise<void> {
  const { project, system, lane } = key;
  await database.execute(sql`
    INSERT INTO ${lanes} AS lane (project, system, name, postponed_until)
    VALUES (${project}, ${system}, ${lane}, clock_timestamp() + ${forMs} * interval '1 millisecond')
    ON CONFLICT (project, system, name)
    DO UPDATE SET postponed_until = greatest(lane.postponed_until, excluded.postponed_until)`);
}
