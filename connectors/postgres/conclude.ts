import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { Work } from '../connector.ts';
import type { Context } from './context.ts';
import { withSession } from './session.ts';

/** Identities first: whatever happens to this transaction, they are the ones that must not stay. */
const OF_THE_REQUEST = ['batch', 'batches', 'ranges', 'tombstones'];

/** Ends what was kept for a request. Suppressions stay: as digests, which name nobody. */
export async function conclude(
  context: Context,
  request: { requestId: string; kind: SubjectKind },
  work: Work,
): Promise<void> {
  await withSession(context.server, work, (session) =>
    session.transaction(async () => {
      for (const table of OF_THE_REQUEST)
        await session.run(`DELETE FROM lethe_processor.${table} WHERE processor = $1 AND request_id = $2`, [
          context.processor,
          request.requestId,
        ]);
    }),
  );
}
