import { and, eq, isNull } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';
import type { RequestRow } from './row.ts';

/** The numbers and dates that Temporal shows of a request from its start on. */
export type StartFacts = Pick<RequestRow, 'project' | 'kind' | 'submitted' | 'dueAt'>;

/** Null if the request does not exist or has ended: it needs no workflow. */
export async function startFactsOf(queries: Queries, requestId: string): Promise<StartFacts | null> {
  const { project, kind, submitted, dueAt } = requests;
  const [row] = await queries
    .select({ project, kind, submitted, dueAt })
    .from(requests)
    .where(and(eq(requests.id, requestId), isNull(requests.concludedAt)));
  return row ?? null;
}
