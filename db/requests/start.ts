import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';
import type { RequestRow } from './row.ts';

/** The facts about a request that Temporal shows, and orders tasks by, from the start of its workflow. */
export interface StartFacts extends Pick<RequestRow, 'project' | 'kind' | 'submitted' | 'dueAt'> {
  /** Whether the request hides its subjects as soon as they are resolved. Its steps go before those of other requests. */
  readonly hidesSubjects: boolean;
}

/** `hidesSubjects` as a condition on the rows of `requests`. */
export const HIDES_SUBJECTS: SQL<boolean> = sql<boolean>`kind = 'deletion' AND scope = 'data' AND (NOT confirm OR confirmed_at IS NOT NULL)`;

/** Reads the facts for a new workflow. Null if the request needs none, because it does not exist or has ended. */
export async function startFactsOf(
  queries: Queries,
  requestId: string,
): Promise<(StartFacts & { readonly wakeVersion: number }) | null> {
  const { project, kind, submitted, dueAt, wakeVersion } = requests;
  const [row] = await queries
    .select({ project, kind, submitted, dueAt, wakeVersion, hidesSubjects: HIDES_SUBJECTS })
    .from(requests)
    .where(and(eq(requests.id, requestId), isNull(requests.concludedAt)));
  return row ?? null;
}
