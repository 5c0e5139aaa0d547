import type { Database, Queries } from '../client.ts';

/** How many are proposed, and up to which number. */
export async function proposedSubjects(
  queries: Queries,
  requestId: string,
): Promise<{ readonly size: number; readonly lastSeq: number }> {
  const [row = { size: 0, lastSeq: 0 }] = await queries<{ size: number; lastSeq: number }[]>`
    SELECT count(*) AS size, coalesce(max(seq), 0) AS last_seq FROM lethe.subjects
    WHERE request_id = ${requestId} AND state = 'proposed'`;
  return row;
}

/** What a processor holds, per table; null: it cannot say. The first word stands: it is what is confirmed. */
export async function storeCount(
  database: Database,
  key: { readonly requestId: string; readonly processor: string },
  tables: Readonly<Record<string, number>> | null,
): Promise<void> {
  const told = tables === null ? null : Object.entries(tables).map(([table, rows]) => ({ table, rows }));
  await database`INSERT INTO lethe.request_counts (request_id, processor, tables)
    VALUES (${key.requestId}, ${key.processor}, ${told === null ? null : database.json(told)}) ON CONFLICT DO NOTHING`;
}
