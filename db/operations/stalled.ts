import type { Database } from '../client.ts';

/** Requests that no workflow has reconciled lately, or whose wake was lost; `attended_at` moves, so that the next call takes others. */
export async function stalledRequests(
  database: Database,
  input: { readonly asOf: Date; readonly inactiveSince: Date; readonly limit: number },
): Promise<readonly { readonly id: string; readonly unseenWake: boolean }[]> {
  const { asOf, inactiveSince, limit } = input;
  return database<{ id: string; unseenWake: boolean }[]>`
    UPDATE lethe.requests SET attended_at = ${asOf}
    WHERE id IN (SELECT id FROM lethe.requests WHERE concluded_at IS NULL AND attended_at <= ${inactiveSince}
                 ORDER BY attended_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, wake_seen < wake_version AS unseen_wake`;
}

/** Suppressions, or ends of one, that some processor has not applied yet. */
export async function pendingSuppressions(database: Database, limit: number): Promise<readonly string[]> {
  const rows = await database<
    { id: string }[]
  >`SELECT id FROM lethe.suppressions WHERE told_at IS NULL ORDER BY since LIMIT ${limit}`;
  return rows.map((row) => row.id);
}
