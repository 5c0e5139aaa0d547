import { notificationInsert } from '../notifications/enqueue.ts';
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { LETHE } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { probeRows, withProjectLock } from '../project-lock.ts';
import { reportEvent } from '../audit/events.ts';
import { auditEvents } from '../schema/audit.ts';
import { archiveKeys, archives, archiveSubjectKeys } from '../schema/exports.ts';
import { DISPATCHED_SOON } from '../schema/lethe.ts';
import { requests } from '../schema/requests.ts';
import { identityDigests, subjects } from '../schema/subjects.ts';

/** A batch that a deletion has just claimed. */
export interface ClaimedBatch {
  readonly project: string;
  readonly requestId: string;
  readonly batch: number;
  /** Whether the scope is `data`. After a part deletion, exports keep the subjects and collect them again. */
  readonly deletesAllData: boolean;
  readonly at: Date;
}

/**
 * Removes claimed subjects from unfinished exports, which then collect again, and from ready archives by destroying
 * their keys (rule 17). An archive that would be empty is destroyed, and so is one of scope `categories`, because counts
 * cannot be taken apart. Backups of deletions that still contain the subject are exempt.
 *
 * Runs under the project lock. Returns the requests to signal. In a project without open exports it costs one index
 * probe.
 */
export async function removeClaimedFromExports(tx: Transaction, claimed: ClaimedBatch): Promise<readonly string[]> {
  const { project, requestId, batch, deletesAllData, at } = claimed;
  // A literal instead of a parameter, so that a generic plan can use the partial index on open exports.
  const open = await tx
    .select({ id: requests.id })
    .from(requests)
    .where(and(eq(requests.project, project), sql`${requests.kind} = 'export'`, isNull(requests.concludedAt)))
    .limit(1);
  if (open.length === 0) return [];
  const changed = await probeRows(tx, () =>
    tx.execute<{ id: string; action: 'export.restarted' | 'export.revoked' | 'export.subjects_removed' }>(sql`
    WITH affected AS MATERIALIZED (
      SELECT DISTINCT export_digest.request_id, export_digest.seq, subjects.state
      FROM ${subjects} claimed
      CROSS JOIN LATERAL (
        SELECT project, kind, digest FROM ${identityDigests}
        WHERE identity_digests.request_id = claimed.request_id AND identity_digests.seq = claimed.seq AND is_key OFFSET 0) claimed_digest
      CROSS JOIN LATERAL (
        SELECT request_id, seq FROM ${identityDigests} same
        WHERE same.project = claimed_digest.project AND same.kind = claimed_digest.kind AND same.digest = claimed_digest.digest
          AND is_key OFFSET 0) export_digest
      CROSS JOIN LATERAL (
        SELECT backup_of FROM ${requests}
        WHERE id = export_digest.request_id AND kind = 'export' AND concluded_at IS NULL OFFSET 0) export
      CROSS JOIN LATERAL (
        SELECT seq, state FROM ${subjects} copied
        WHERE copied.request_id = export_digest.request_id AND copied.seq = export_digest.seq OFFSET 0) subjects
      WHERE claimed.request_id = ${requestId} AND claimed.batch = ${batch} AND subjects.state IN ('selected', 'exported')
        AND NOT ${coveredByBackup}),
    exported AS (
      SELECT request_id, count(*)::int AS claimed FROM affected WHERE state = 'exported' GROUP BY request_id),
    reduced AS (
      UPDATE ${archives} SET removed_subjects = removed_subjects + claimed
      FROM exported JOIN ${requests} ON requests.id = exported.request_id
      WHERE archives.request_id = exported.request_id AND requests.status = 'ready' AND requests.scope <> 'categories'
        AND archives.removed_subjects + claimed < archives.subjects
      RETURNING archives.request_id AS id),
    left_out AS (
      UPDATE ${subjects} SET state = 'left_out' FROM affected
      WHERE subjects.request_id = affected.request_id AND subjects.seq = affected.seq
        AND CASE affected.state WHEN 'selected' THEN ${deletesAllData} ELSE affected.request_id IN (SELECT id FROM reduced) END
      RETURNING subjects.request_id, subjects.seq),
    subject_keys AS (
      DELETE FROM ${archiveSubjectKeys} USING (
        SELECT request_id, seq FROM left_out UNION ALL SELECT id, 0 FROM reduced) AS removed
      WHERE archive_subject_keys.request_id = removed.request_id AND archive_subject_keys.seq = removed.seq),
    restarted AS (
      UPDATE ${requests} SET epoch = epoch + 1, wake_version = wake_version + 1, dispatch_at = ${DISPATCHED_SOON}
      WHERE id = ANY(ARRAY(SELECT request_id FROM affected WHERE state = 'selected')) RETURNING id),
    revoked AS (
      UPDATE ${requests} SET status = 'expired', wake_version = wake_version + 1, dispatch_at = ${DISPATCHED_SOON}
      WHERE id = ANY(ARRAY(SELECT request_id FROM exported EXCEPT SELECT id FROM reduced)) AND status = 'ready'
      RETURNING id, project, kind, status, notify),
    keys AS (DELETE FROM ${archiveKeys} WHERE request_id = ANY(ARRAY(SELECT id FROM revoked))),
    archives AS (
      UPDATE ${archives} SET destroyed_at = ${at}, reason = 'subject_deleted' WHERE request_id = ANY(ARRAY(SELECT id FROM revoked))),
    deliveries AS (${notificationInsert('revoked', at)}),
    changed AS (
      SELECT id, 'export.restarted' AS action FROM restarted UNION ALL SELECT id, 'export.revoked' FROM revoked
      UNION ALL SELECT id, 'export.subjects_removed' FROM reduced),
    audit AS (
      INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
      SELECT ${at}, ${project}, changed.id, ${LETHE}, changed.action,
             jsonb_build_object('deletion', ${requestId}::text, 'subjects', count(*))
      FROM changed JOIN affected ON affected.request_id = changed.id GROUP BY changed.id, changed.action)
    SELECT id, action FROM changed ORDER BY id`),
  );
  for (const { id, action } of changed)
    reportEvent(tx, { action, project, requestId: id, kind: 'export', detail: { deletion: requestId } });
  // An archive that only lost subjects needs no work. No deletion waits for a subject of a backup that lost it.
  return changed.filter(({ action }) => action !== 'export.subjects_removed').map(({ id }) => id);
}

/**
 * Lets exports collect again after a part deletion has cleared its batch in one system, because they may have collected
 * values that are cleared now. Each call causes another collection. Returns the requests to signal.
 */
export const restartExportsAfterPartialDeletion = (
  database: Database,
  { project, requestId, batch }: Pick<ClaimedBatch, 'project' | 'requestId' | 'batch'>,
  at: Date,
): Promise<readonly string[]> =>
  withProjectLock(database, project, (tx) =>
    removeClaimedFromExports(tx, { project, requestId, batch, deletesAllData: false, at }),
  );

/** Whether the export is a backup of a deletion that has not cancelled the subject. Such a backup keeps the subject. */
const coveredByBackup: SQL = sql`EXISTS (
  SELECT FROM ${subjects} subject WHERE subject.request_id = export.backup_of AND subject.seq = subjects.seq
    AND subject.state NOT IN ('cancelling', 'cancelled', 'not_found') OFFSET 0)`;
