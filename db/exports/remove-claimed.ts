import { notificationInsert } from '../notifications/enqueue.ts';
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { LETHE } from '../audit/audit.ts';
import { invalidateBackups } from '../backups/keep.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { auditEvents } from '../schema/audit.ts';
import { archiveKeys, archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects } from '../schema/subjects.ts';

/** The batch that a deletion has just claimed. */
export interface ClaimedBatch {
  readonly project: string;
  readonly requestId: string;
  readonly batch: number;
  /** For scope `data`: no data of its subjects remains to be exported. After a part-deletion the rest is exported. */
  readonly whole: boolean;
  readonly at: Date;
}

/**
 * Rule 17: removes claimed subjects from every export that is not ready, which collects again, and destroys the ready archives
 * that contain one. Runs under the project lock. Returns the requests to wake. In a project without exports, this is one
 * probe of an index.
 */
export async function removeClaimedFromExports(tx: Transaction, claimed: ClaimedBatch): Promise<readonly string[]> {
  const { project, requestId, batch, whole, at } = claimed;
  // A literal, so that the partial index on open exports matches under a generic plan too.
  const open = await tx
    .select({ id: requests.id })
    .from(requests)
    .where(and(eq(requests.project, project), sql`${requests.kind} = 'export'`, isNull(requests.concludedAt)))
    .limit(1);
  if (open.length === 0) return [];
  const changed = await tx.execute<{ id: string; revoked: boolean }>(sql`
    WITH meant AS MATERIALIZED (
      SELECT DISTINCT theirs.request_id, theirs.seq, subjects.state
      FROM ${subjects} mine
      JOIN ${identityDigests} own ON own.request_id = mine.request_id AND own.seq = mine.seq AND own.is_key
      JOIN ${identityDigests} theirs ON theirs.project = own.project AND theirs.kind = own.kind AND theirs.digest = own.digest
        AND theirs.is_key
      JOIN ${requests} export ON export.id = theirs.request_id AND export.kind = 'export' AND export.concluded_at IS NULL
      JOIN ${subjects} ON subjects.request_id = theirs.request_id AND subjects.seq = theirs.seq
      WHERE mine.request_id = ${requestId} AND mine.batch = ${batch} AND subjects.state IN ('selected', 'exported')
        AND NOT ${coveredByBackup}),
    left_out AS (
      UPDATE ${subjects} SET state = 'left_out' FROM meant
      WHERE ${whole} AND meant.state = 'selected' AND subjects.request_id = meant.request_id AND subjects.seq = meant.seq),
    again AS (
      UPDATE ${requests} SET epoch = epoch + 1, wake_version = wake_version + 1
      WHERE id IN (SELECT request_id FROM meant WHERE state = 'selected') RETURNING id),
    revoked AS (
      UPDATE ${requests} SET status = 'expired', wake_version = wake_version + 1
      WHERE id IN (SELECT request_id FROM meant WHERE state = 'exported') AND status = 'ready'
      RETURNING id, project, kind, status, notify),
    keys AS (DELETE FROM ${archiveKeys} WHERE request_id IN (SELECT id FROM revoked)),
    archives AS (
      UPDATE ${archives} SET destroyed_at = ${at}, reason = 'subject_deleted' WHERE request_id IN (SELECT id FROM revoked)),
    deliveries AS (${notificationInsert('revoked', at)}),
    changed AS (
      SELECT id, 'export.restarted' AS action FROM again UNION ALL SELECT id, 'export.revoked' FROM revoked),
    audit AS (
      INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
      SELECT ${at}, ${project}, changed.id, ${LETHE}, changed.action,
             jsonb_build_object('deletion', ${requestId}::text, 'subjects', count(*))
      FROM changed JOIN meant ON meant.request_id = changed.id GROUP BY changed.id, changed.action)
    SELECT id, action = 'export.revoked' AS revoked FROM changed ORDER BY id`);
  const revoked = changed.flatMap((one) => (one.revoked ? [one.id] : []));
  const deletions = await invalidateBackups(tx, revoked);
  return [...changed.map(({ id }) => id), ...deletions];
}

/**
 * After a part-deletion has emptied its batch in one system: a collection that was read since the claim may contain data
 * that is deleted now. Called again it costs another collection. Returns the requests to wake.
 */
export const restartExportsAfterPartialDeletion = (
  database: Database,
  { project, requestId, batch }: Pick<ClaimedBatch, 'project' | 'requestId' | 'batch'>,
  at: Date,
): Promise<readonly string[]> =>
  withProjectLock(database, project, (tx) =>
    removeClaimedFromExports(tx, { project, requestId, batch, whole: false, at }),
  );

/** A backup is exempt: its deletion claims only subjects in it. Subjects that the deletion has cancelled are not. */
const coveredByBackup: SQL = sql`EXISTS (
  SELECT FROM ${subjects} saved WHERE saved.request_id = export.backup_of AND saved.seq = subjects.seq
    AND saved.state NOT IN ('cancelling', 'cancelled', 'not_found'))`;
