import { notificationInsert } from '../notifications/enqueue.ts';
import { LETHE } from '../audit/audit.ts';
import { invalidateBackups } from '../backups/keep.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';

/** What a deletion has just claimed. The caller holds the project's lock. */
export interface ClaimedBatch {
  readonly project: string;
  readonly requestId: string;
  readonly batch: number;
  /** Of scope `data`: nothing of its subjects is left to be exported. A part-deletion leaves rows that are still owed. */
  readonly whole: boolean;
  readonly at: Date;
}

/**
 * Rule 17: who is claimed leaves every export that is not ready, which collects again; an archive that is ready and holds
 * one of them is destroyed. Returns the exports to wake. Where the project has no export, this is one probe of an index.
 */
export async function leaveExports(tx: Transaction, claimed: ClaimedBatch): Promise<readonly string[]> {
  const { project, requestId, batch, whole, at } = claimed;
  const open =
    await tx`SELECT FROM lethe.requests WHERE project = ${project} AND kind = 'export' AND concluded_at IS NULL LIMIT 1`;
  if (open.count === 0) return [];
  const left = await tx<{ id: string; revoked: boolean }[]>`
    WITH meant AS MATERIALIZED (
      SELECT DISTINCT theirs.request_id, theirs.seq, subjects.state
      FROM lethe.subjects mine
      JOIN lethe.identity_digests own ON own.request_id = mine.request_id AND own.seq = mine.seq AND own.is_key
      JOIN lethe.identity_digests theirs ON theirs.project = own.project AND theirs.kind = own.kind AND theirs.digest = own.digest
        AND theirs.is_key
      JOIN lethe.requests export ON export.id = theirs.request_id AND export.kind = 'export' AND export.concluded_at IS NULL
      JOIN lethe.subjects ON subjects.request_id = theirs.request_id AND subjects.seq = theirs.seq
      WHERE mine.request_id = ${requestId} AND mine.batch = ${batch} AND subjects.state IN ('wanted', 'exported')
        AND NOT ${savedFirst(tx)}),
    left_out AS (
      UPDATE lethe.subjects SET state = 'left_out' FROM meant
      WHERE ${whole} AND meant.state = 'wanted' AND subjects.request_id = meant.request_id AND subjects.seq = meant.seq),
    again AS (
      UPDATE lethe.requests SET epoch = epoch + 1, wake_version = wake_version + 1
      WHERE id IN (SELECT request_id FROM meant WHERE state = 'wanted') RETURNING id),
    revoked AS (
      UPDATE lethe.requests SET status = 'expired', wake_version = wake_version + 1
      WHERE id IN (SELECT request_id FROM meant WHERE state = 'exported') AND status = 'ready'
      RETURNING id, project, kind, status, notify),
    keys AS (DELETE FROM lethe.archive_keys WHERE request_id IN (SELECT id FROM revoked)),
    archives AS (
      UPDATE lethe.archives SET destroyed_at = ${at}, reason = 'subject_deleted' WHERE request_id IN (SELECT id FROM revoked)),
    deliveries AS (${notificationInsert('revoked', at)}),
    changed AS (
      SELECT id, 'export.restarted' AS action FROM again UNION ALL SELECT id, 'export.revoked' FROM revoked),
    audit AS (
      INSERT INTO lethe.audit_events (at, project, request_id, actor, action, detail)
      SELECT ${at}, ${project}, changed.id, ${LETHE}, changed.action,
             jsonb_build_object('deletion', ${requestId}::text, 'subjects', count(*))
      FROM changed JOIN meant ON meant.request_id = changed.id GROUP BY changed.id, changed.action)
    SELECT id, action = 'export.revoked' AS revoked FROM changed ORDER BY id`;
  const revoked = left.flatMap((one) => (one.revoked ? [one.id] : []));
  const deletions = await invalidateBackups(tx, revoked);
  return [...left.map(({ id }) => id), ...deletions];
}

/**
 * A part-deletion has emptied in one processor what its batch has there: what was read of it since the claim may hold what is
 * gone by now. Said again it costs another collection. Returns the exports to wake.
 */
export const restartExportsAfterPartialDeletion = (
  database: Database,
  { project, requestId, batch }: Pick<ClaimedBatch, 'project' | 'requestId' | 'batch'>,
  at: Date,
): Promise<readonly string[]> =>
  withProjectLock(database, project, (tx) => leaveExports(tx, { project, requestId, batch, whole: false, at }));

/**
 * A backup is exempt: its deletion claims nobody who is not in it. One whom that deletion has let go of is in an export like
 * any other, from the cancellation on.
 */
const savedFirst = (tx: Transaction) => tx`EXISTS (
  SELECT FROM lethe.subjects saved WHERE saved.request_id = export.backup_of AND saved.seq = subjects.seq
    AND saved.state NOT IN ('cancelling', 'cancelled', 'not_found'))`;
