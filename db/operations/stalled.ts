import { and, asc, isNull, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { suppressions } from '../schema/holds.ts';
import { requests } from '../schema/requests.ts';

/**
 * Returns open requests that no workflow has reconciled lately, and sets their `attended_at`, so that the next call
 * returns others. Of requests whose workflow was started and has read every change, only `checked` are returned: Temporal is
 * asked whether it still runs.
 */
export async function takeStalledRequests(
  database: Database,
  input: { readonly asOf: Date; readonly inactiveSince: Date; readonly limit: number; readonly checked: number },
): Promise<readonly { readonly id: string; readonly unseenWake: boolean }[]> {
  const { asOf, inactiveSince, limit, checked } = input;
  const isInactive = sql`concluded_at IS NULL AND attended_at <= ${inactiveSince}`;
  const isWaiting = sql`started_at IS NULL OR wake_seen < wake_version`;
  return database.execute<{ id: string; unseenWake: boolean }>(sql`
    UPDATE ${requests} SET attended_at = ${asOf}
    WHERE id IN (SELECT id FROM ${requests} WHERE ${isInactive} AND (${isWaiting})
                 ORDER BY attended_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
       OR id IN (SELECT id FROM ${requests} WHERE ${isInactive} AND NOT (${isWaiting})
                 ORDER BY attended_at LIMIT ${checked} FOR UPDATE SKIP LOCKED)
    RETURNING id, wake_seen < wake_version AS unseen_wake`);
}

/** Members' suppressions whose latest change, placed or lifted, has not been applied by every system. */
export async function pendingSuppressions(database: Database, limit: number): Promise<readonly string[]> {
  const rows = await database
    .select({ id: suppressions.id })
    .from(suppressions)
    .where(and(isNull(suppressions.propagatedAt), isNull(suppressions.requestId)))
    .orderBy(asc(suppressions.since))
    .limit(limit);
  return rows.map((row) => row.id);
}
