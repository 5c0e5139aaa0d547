import type { ConnectorContext, Purge } from '../../connector.ts';
import { type Context, modelOf } from '../context.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { withSession } from '../session.ts';
import { refreshViews } from './refresh-views.ts';

/** Bounds the rows of one transaction. */
const SUBJECTS_PER_COMMIT = 1_000;

/**
 * Refreshes materialized views, then deletes the identities of some subjects of a request, and the tombstones of those that
 * it has deleted. Idempotent.
 */
export async function purge(context: Context, request: Purge, activity: ConnectorContext): Promise<void> {
  const { keyType } = modelOf(context, request.kind);
  await withSession(context.server, activity, async (session) => {
    await refreshViews(context, session, request);
    for (let from = 0; from < request.seqs.length; from += SUBJECTS_PER_COMMIT) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      const chosen = [context.system, request.requestId, request.seqs.slice(from, from + SUBJECTS_PER_COMMIT)];
      await session.transaction(async () => {
        // Only a subject that was claimed is in a batch of this kind. A restored one has a tombstone that hides nothing.
        await session.run(
          `DELETE FROM lethe_system.tombstones
           WHERE system = $1 AND request_id = $2 AND hidden AND digest = ANY (ARRAY(
             SELECT lethe_system.digest($1, $4, $5, value) FROM lethe_system.batch
             WHERE system = $1 AND request_id = $2 AND batch LIKE 'b%' AND type = $5 AND seq = ANY ($3::int[])))`,
          [...chosen, request.kind, keyType],
        );
        await session.run(
          'DELETE FROM lethe_system.batch WHERE system = $1 AND request_id = $2 AND seq = ANY ($3::int[])',
          chosen,
        );
      });
    }
  });
}
