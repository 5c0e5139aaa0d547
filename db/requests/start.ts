import type { RequestKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** What an operator sees of a request in Temporal from the moment of its start: numbers and dates. */
export interface StartFacts {
  readonly project: string;
  readonly kind: RequestKind;
  readonly submitted: number;
  readonly dueAt: Date;
}

/** `null`: there is no such request, or it has ended and needs no workflow any more. */
export async function startFactsOf(queries: Queries, requestId: string): Promise<StartFacts | null> {
  const [row] = await queries<StartFacts[]>`
    SELECT project, kind, submitted, due_at FROM lethe.requests WHERE id = ${requestId} AND concluded_at IS NULL`;
  return row ?? null;
}
