import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { ConnectorContext, Purge } from '../../connector.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { type Context, modelOf } from '../context.ts';
import { withSession } from '../session.ts';

/** Bounds the rows of one transaction. */
const SUBJECTS_PER_COMMIT = 1_000;

/** A range in the log says that every subject in it is deleted. */
const IS_DELETED = `EXISTS (
  SELECT 1 FROM lethe_ranges AS r WHERE r.\`system\` = t.\`system\` AND r.request_id = t.request_id AND r.batch LIKE 'b%'
    AND r.part = 0 AND t.seq BETWEEN r.first_seq AND r.last_seq)`;

/**
 * Deletes what was collected for some subjects of a request, and the tombstones of those that it has deleted. Idempotent.
 */
export async function purge(context: Context, request: Purge, activity: ConnectorContext): Promise<void> {
  const { kind } = modelOf(context, request.kind);
  await withSession(context.server, activity, async (session) => {
    for (let from = 0; from < request.seqs.length; from += SUBJECTS_PER_COMMIT) {
      throwIfCancelled(activity.signal);
      activity.heartbeat();
      const seqs = request.seqs
        .slice(from, from + SUBJECTS_PER_COMMIT)
        .map(Number)
        .join(', ');
      const key = [context.system, request.requestId];
      await session.transaction(async () => {
        // A restored subject has a tombstone that hides nothing.
        await session.run(
          `DELETE t FROM lethe_tombstones AS t WHERE t.\`system\` = ? AND t.request_id = ? AND t.kind = ? AND t.hidden
             AND t.seq IN (${seqs}) AND ${IS_DELETED}`,
          [...key, kind],
        );
        await session.run(
          `DELETE FROM lethe_collected WHERE \`system\` = ? AND request_id = ? AND seq IN (${seqs})`,
          key,
        );
      });
    }
  });
}

const REQUEST_TABLES = ['lethe_collected', 'lethe_batches', 'lethe_ranges'];

/** Deletes everything stored for a request, except its suppressions, which are digests. */
export async function conclude(
  context: Context,
  request: { requestId: string; kind: SubjectKind },
  activity: ConnectorContext,
): Promise<void> {
  const key = [context.system, request.requestId];
  await withSession(context.server, activity, (session) =>
    session.transaction(async () => {
      // Keeps the tombstones of hidden subjects that this request did not claim: another request owns them.
      await session.run(
        `DELETE t FROM lethe_tombstones AS t WHERE t.\`system\` = ? AND t.request_id = ? AND (NOT t.hidden OR ${IS_DELETED})`,
        key,
      );
      for (const table of REQUEST_TABLES)
        await session.run(`DELETE FROM ${table} WHERE \`system\` = ? AND request_id = ?`, key);
    }),
  );
}
