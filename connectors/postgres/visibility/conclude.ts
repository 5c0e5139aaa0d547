import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { ConnectorContext } from '../../connector.ts';
import { type Context, modelOf } from '../context.ts';
import { withSession } from '../session.ts';

/** Identities first: whatever happens to this transaction, they are the ones that must not stay. */
const OF_THE_REQUEST = ['batch', 'batches', 'ranges'];

/** Ends what was kept for a request. Suppressions stay: as digests, which name nobody. */
export async function conclude(
  context: Context,
  request: { requestId: string; kind: SubjectKind },
  work: ConnectorContext,
): Promise<void> {
  const { keyType } = modelOf(context, request.kind);
  const of = [context.system, request.requestId];
  await withSession(context.server, work, (session) =>
    session.transaction(async () => {
      // Of a subject that is hidden and was never claimed: another request has taken it over, and hides it for its sake.
      await session.run(
        `DELETE FROM lethe_system.tombstones
         WHERE system = $1 AND request_id = $2 AND (NOT hidden OR digest IN (
           SELECT member.digest FROM lethe_system.batches AS loaded,
             lethe_system.members(loaded.system, loaded.request_id, loaded.batch, loaded.first_seq, loaded.last_seq, $3, $4) AS member
           WHERE loaded.system = $1 AND loaded.request_id = $2 AND loaded.batch LIKE 'b%'))`,
        [...of, request.kind, keyType],
      );
      for (const table of OF_THE_REQUEST)
        await session.run(`DELETE FROM lethe_system.${table} WHERE system = $1 AND request_id = $2`, of);
    }),
  );
}
