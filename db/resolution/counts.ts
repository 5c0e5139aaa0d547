import { and, count, eq, not, sql } from 'drizzle-orm';
import type { Database, Queries } from '../client.ts';
import { requestCounts } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';

/** Counts the proposed subjects that are known to exist, which a member confirms, and reads their highest `seq`. */
export async function countProposedSubjects(
  queries: Queries,
  requestId: string,
): Promise<{ readonly size: number; readonly lastSeq: number }> {
  const [row = { size: 0, lastSeq: 0 }] = await queries
    .select({ size: count(), lastSeq: sql<number>`coalesce(max(${subjects.seq}), 0)` })
    .from(subjects)
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'proposed'), not(isUnknown)));
  return row;
}

/** Counts the proposed subjects that no system has reported yet. They may not exist. */
export const countUnknownSubjects = (queries: Queries, requestId: string): Promise<number> =>
  queries.$count(subjects, and(eq(subjects.requestId, requestId), eq(subjects.state, 'proposed'), isUnknown));

const isUnknown = sql<boolean>`(NOT ${subjects.known} AND ${subjects.present} IS NOT TRUE)`;

/**
 * Stores the row counts of a system by table, or null if it cannot count. Keeps the first count, which is confirmed.
 */
export async function storeCount(
  database: Database,
  key: { readonly requestId: string; readonly system: string },
  tables: Readonly<Record<string, number>> | null,
): Promise<void> {
  const counted = tables === null ? null : Object.entries(tables).map(([table, rows]) => ({ table, rows }));
  await database
    .insert(requestCounts)
    .values({ ...key, tables: counted })
    .onConflictDoNothing();
}
