import type { Database } from '../client.ts';

/** Requests that no workflow has looked at lately, or whose wake was lost; `attended_at` moves, so that the next call takes others. */
export async function neglectedRequests(
  database: Database,
  input: { readonly asOf: Date; readonly quietSince: Date; readonly limit: number },
): Promise<readonly { readonly id: string; readonly unseenWake: boolean }[]> {
  const { asOf, quietSince, limit } = input;
  return database<{ id: string; unseenWake: boolean }[]>`
    UPDATE lethe.requests SET attended_at = ${asOf}
    WHERE id IN (SELECT id FROM lethe.requests WHERE concluded_at IS NULL AND attended_at <= ${quietSince}
                 ORDER BY attended_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, wake_seen < wake_version AS unseen_wake`;
}

/** Suppressions that some processor has not been told of yet. */
export async function untoldSuppressions(database: Database, limit: number): Promise<readonly string[]> {
  const rows = await database<
    { id: string }[]
  >`SELECT id FROM lethe.suppressions WHERE told_at IS NULL ORDER BY since LIMIT ${limit}`;
  return rows.map((row) => row.id);
}
