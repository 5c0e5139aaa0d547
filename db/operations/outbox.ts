import { eq, type SQL, sql } from 'drizzle-orm';
import type { Channel } from '../../domain/notification.ts';
import type { Database, Queries } from '../client.ts';
import { HIDES_SUBJECTS, type StartFacts } from '../requests/start.ts';
import { suppressions } from '../schema/holds.ts';
import { deliveries } from '../schema/notifications.ts';
import { requests } from '../schema/requests.ts';
import { intArray, textArray } from '../sql.ts';

/*
 * The outbox of the calls to Temporal: rows whose `dispatch_at` has passed. The process that changes a row calls Temporal and
 * clears the column; the dispatcher does what that process could not. Leases end by the ledger's clock, because they are
 * agreements between processes and decide nothing about a subject (rule 4).
 */

/** A change of a request that its workflow may not know. */
export interface Change {
  readonly id: string;
  readonly wakeVersion: number;
}
/** A request whose workflow has to be started or signaled. */
export interface DueRequest extends Change, StartFacts {
  /** Whether Temporal has confirmed a start of the workflow. */
  readonly started: boolean;
  /** An ended request needs no start. Its workflow, if one runs, ends when it is signaled. */
  readonly concluded: boolean;
}

/** How long a dispatcher may take for a row before another one repeats the call. Longer than the deadline of a call. */
const LEASE_SECONDS = 15;
const LEASED = sql`clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}::float8)`;

/** Leases due requests: deletions that hide subjects first, then in the order of arrival. */
export async function takeDueRequests(database: Database, limit: number): Promise<readonly DueRequest[]> {
  const rows = await database.execute<DueRequest & { receivedAt: Date }>(sql`
    UPDATE ${requests} SET dispatch_at = ${LEASED}
    WHERE id IN (SELECT id FROM ${requests} WHERE dispatch_at <= clock_timestamp()
                 ORDER BY (${HIDES_SUBJECTS}) DESC, received_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, project, kind, submitted, due_at, ${HIDES_SUBJECTS} AS hides_subjects, received_at,
      wake_version, started_at IS NOT NULL AS started, concluded_at IS NOT NULL AS concluded`);
  return rows.toSorted(
    (a, b) =>
      Number(b.hidesSubjects) - Number(a.hidesSubjects) ||
      a.receivedAt.getTime() - b.receivedAt.getTime() ||
      (a.id < b.id ? -1 : 1),
  );
}

/** The open changes of these requests, to be read before their workflows are signaled. */
export const openChanges = async (database: Database, requestIds: readonly string[]): Promise<readonly Change[]> =>
  database
    .select({ id: requests.id, wakeVersion: requests.wakeVersion })
    .from(requests)
    .where(sql`${requests.id} = ANY(${textArray(requestIds)}) AND dispatch_at IS NOT NULL`);

/**
 * Records that Temporal has confirmed the start or signal of these workflows after the given changes. A later change stays in
 * the outbox. Idempotent.
 */
export async function recordDispatched(database: Database, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  await database.execute(sql`
    UPDATE ${requests}
    SET started_at = coalesce(started_at, clock_timestamp()),
        dispatch_at = CASE WHEN requests.wake_version = dispatched.wake_version THEN NULL ELSE dispatch_at END
    FROM unnest(${textArray(changes.map(({ id }) => id))}, ${intArray(changes.map(({ wakeVersion }) => wakeVersion))})
      AS dispatched (id, wake_version)
    WHERE requests.id = dispatched.id AND (started_at IS NULL OR requests.wake_version = dispatched.wake_version)`);
}

/** Ends the leases of requests whose calls were not made, so that they are due at once. */
export async function releaseRequests(database: Database, requestIds: readonly string[]): Promise<void> {
  if (requestIds.length === 0) return;
  await database.execute(sql`
    UPDATE ${requests} SET dispatch_at = clock_timestamp()
    WHERE id = ANY(${textArray(requestIds)}) AND dispatch_at IS NOT NULL`);
}

/** The columns that a workflow writes when it has read the changes up to `wakeVersion`. A later change stays in the outbox. */
export const readByWorkflow = (wakeVersion: number, asOf: Date) => ({
  wakeSeen: sql`greatest(${requests.wakeSeen}, ${wakeVersion})`,
  startedAt: sql`coalesce(${requests.startedAt}, clock_timestamp())`,
  dispatchAt: sql`CASE WHEN ${requests.wakeVersion} = ${wakeVersion} THEN NULL ELSE ${requests.dispatchAt} END`,
  attendedAt: asOf,
});

/** A leased row whose call is recorded with the lease, so that a later change stays in the outbox. */
export interface Leased {
  readonly lease: string;
}

/** Leases members' suppressions whose latest change has no confirmed workflow. Those of a deletion belong to its workflow. */
export const takeDueSuppressions = (database: Database, limit: number): Promise<readonly (Leased & { id: string })[]> =>
  database.execute<Leased & { id: string }>(sql`
    UPDATE ${suppressions} SET dispatch_at = ${LEASED}
    WHERE id IN (SELECT id FROM ${suppressions} WHERE dispatch_at <= clock_timestamp() AND propagated_at IS NULL AND request_id IS NULL
                 ORDER BY dispatch_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, dispatch_at::text AS lease`);

export async function recordSuppressionDispatched(database: Database, id: string, { lease }: Leased): Promise<void> {
  await database
    .update(suppressions)
    .set({ dispatchAt: null })
    .where(sql`${eq(suppressions.id, id)} AND dispatch_at = ${lease}::timestamptz`);
}

/** Leases the channels of deliveries that were never attempted. One signal of a channel covers all of its deliveries. */
export const takeDueChannels = (database: Database, limit: number): Promise<readonly (Channel & Leased)[]> =>
  database.execute<Channel & Leased>(sql`
    WITH lease AS (SELECT ${LEASED} AS until),
    leased AS (
      UPDATE ${deliveries} SET dispatch_at = lease.until FROM lease
      WHERE id IN (SELECT id FROM ${deliveries} WHERE ${isUnattempted} AND dispatch_at <= clock_timestamp()
                   ORDER BY dispatch_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING project, channel)
    SELECT DISTINCT project, channel, lease.until::text AS lease FROM leased, lease`);

export async function recordChannelDispatched(queries: Queries, { project, channel, lease }: Channel & Leased) {
  await queries.execute(sql`
    UPDATE ${deliveries} SET dispatch_at = NULL
    WHERE project = ${project} AND channel = ${channel} AND ${isUnattempted} AND dispatch_at = ${lease}::timestamptz`);
}

/** An attempted delivery is repeated by the workflow that has attempted it. The condition of the index `deliveries_to_dispatch`. */
const isUnattempted: SQL = sql`dispatch_at IS NOT NULL AND ended_at IS NULL AND attempts = 0`;
