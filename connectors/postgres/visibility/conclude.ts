import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { ConnectorContext } from '../../connector.ts';
import { type Context, modelOf } from '../context.ts';
import { withSession } from '../session.ts';
import { refreshViews } from './refresh-views.ts';

const REQUEST_TABLES = ['batch', 'batches', 'ranges'];

/** Refreshes materialized views, then deletes everything stored for a request, except its suppressions, which are digests. */
export async function conclude(
  context: Context,
  request: { requestId: string; kind: SubjectKind },
  activity: ConnectorContext,
): Promise<void> {
  const { keyType } = modelOf(context, request.kind);
  const requestKey = [context.system, request.requestId];
  await withSession(context.server, activity, async (session) => {
    await refreshViews(context, session, request);
    await session.transaction(async () => {
      // Keeps the tombstones of hidden subjects that this request did not claim: another request owns them.
      await session.run(
        `DELETE FROM lethe_system.tombstones
         WHERE system = $1 AND request_id = $2 AND (NOT hidden OR digest IN (
           SELECT member.digest FROM lethe_system.batches AS loaded,
             lethe_system.members(loaded.system, loaded.request_id, loaded.batch, loaded.first_seq, loaded.last_seq, $3, $4) AS member
           WHERE loaded.system = $1 AND loaded.request_id = $2 AND loaded.batch LIKE 'b%' AND EXISTS (
             SELECT FROM lethe_system.ranges WHERE ranges.system = $1 AND ranges.request_id = $2 AND ranges.batch = loaded.batch)))`,
        [...requestKey, request.kind, keyType],
      );
      for (const table of REQUEST_TABLES)
        await session.run(`DELETE FROM lethe_system.${table} WHERE system = $1 AND request_id = $2`, requestKey);
    });
  });
}
