import type { RequestKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** Whose request it is; `null`: there is no such request. */
export async function requestOwner(
  queries: Queries,
  requestId: string,
): Promise<{ readonly project: string; readonly kind: RequestKind } | null> {
  const [row] = await queries<{ project: string; kind: RequestKind }[]>`
    SELECT project, kind FROM lethe.requests WHERE id = ${requestId}`;
  return row ?? null;
}
