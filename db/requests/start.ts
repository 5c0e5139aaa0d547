import { and, eq, isNull } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';
import type { RequestRow } from './row.ts';

/** The facts about a request that Temporal shows from the start of its workflow. */
export type StartFacts = Pick<RequestRow, 'project' | 'kind' | 'submitted' | 'dueAt'>;

/** Reads the facts for a new workflow. Null if the request needs none, because it does not exist or has ended. */
export async function startFactsOf(queries: Queries, requestId: string): Promise<StartFacts | null> {
  const { project, kind, submitted, dueAt } = requests;
  const [row] = await queries
    .select({ project, kind, submitted, dueAt })
    .from(requests)
    .where(and(eq(requests.id, requestId), isNull(requests.concludedAt)));
  return row ?? null;
}
