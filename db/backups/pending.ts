import { type SQL, sql } from 'drizzle-orm';
import type { Status } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { probeRows } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { intArray, textArray } from '../sql.ts';

/** Statuses of an export that can still become ready. */
export const UNFINISHED_STATUSES: readonly Status[] = ['received', 'resolving', 'collecting', 'packaging'];

/** Skips the probes below in a project without an open deletion that exports first. */
const hasExportFirst = (project: string): SQL => sql`
  EXISTS (SELECT FROM ${requests} WHERE project = ${project} AND export_first AND concluded_at IS NULL)`;

const exportsFirst = (requestId: SQL): SQL => sql`EXISTS (
  SELECT FROM ${requests} exporting
  WHERE exporting.id = ${requestId} AND exporting.export_first AND exporting.concluded_at IS NULL OFFSET 0)`;

/**
 * A condition on `subjects` of the outer statement: the subject is missing from a ready archive that its own request,
 * or a request attached to it, requires (rule 18). Never stored, and evaluated by each claim, like holds (rule 6).
 */
export const waitsForBackup = (project: string): SQL => sql`(${hasExportFirst(project)} AND (
  (NOT subjects.backed_up AND ${exportsFirst(sql`subjects.request_id`)})
  OR EXISTS (
    SELECT FROM ${subjects} attached
    WHERE attached.owner_request = subjects.request_id AND attached.owner_seq = subjects.seq AND attached.state = 'attached'
      AND NOT attached.backed_up AND ${exportsFirst(sql`attached.request_id`)} OFFSET 0)))`;

/**
 * Selects the `seq` of a deletion's subjects that have data and are in no archive and no open export. An attached
 * subject that its owner has claimed cannot be exported any more and is left out.
 */
export const notBackedUp = (requestId: string): SQL => sql`
  SELECT subject.seq
  FROM ${subjects} subject
  LEFT JOIN LATERAL (
    SELECT state, present FROM ${subjects}
    WHERE subjects.request_id = subject.owner_request AND subjects.seq = subject.owner_seq OFFSET 0) owner ON true
  WHERE subject.request_id = ${requestId} AND NOT subject.backed_up
    AND (subject.state IN ('soft_deleted', 'scheduled') OR (subject.state = 'resolved' AND subject.present)
         OR (subject.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted') AND coalesce(subject.present OR owner.present, false)))
    AND NOT EXISTS (
      SELECT FROM ${subjects} copied
      WHERE copied.request_id = ANY(ARRAY(
          SELECT id FROM ${requests} WHERE backup_of = ${requestId} AND status = ANY(${textArray(UNFINISHED_STATUSES)})))
        AND copied.seq = subject.seq)`;

/**
 * CTEs that remove the rows of a CTE `cancelled_subject` from the deletion's open exports. The CTE `restarted` lists these
 * exports.
 */
export const releaseBackups = (requestId: string): SQL => sql`
  removed AS (
    UPDATE ${subjects} copied SET state = 'cancelled'
    FROM cancelled_subject
    WHERE copied.request_id = ANY(ARRAY(
        SELECT id FROM (SELECT id, concluded_at FROM ${requests} WHERE backup_of = ${requestId} OFFSET 0) backup
        WHERE concluded_at IS NULL))
      AND copied.seq = cancelled_subject.seq AND copied.state = 'selected'
    RETURNING copied.request_id),
  restarted AS (
    UPDATE ${requests} SET epoch = epoch + 1 WHERE id = ANY(ARRAY(SELECT request_id FROM removed)) RETURNING id)`;

/** Lets the owners of cancelled subjects, which were attached and not backed up, claim them from `firstRun` on. */
export async function rescheduleOwners(
  tx: Transaction,
  owners: { readonly requests: readonly string[]; readonly seqs: readonly number[] },
  firstRun: Date,
): Promise<readonly string[]> {
  const rescheduled = await probeRows(tx, () =>
    tx.execute<Pick<typeof subjects.$inferSelect, 'requestId'>>(sql`
      UPDATE ${subjects} SET hard_delete_at = greatest(hard_delete_at, ${firstRun})
      FROM unnest(${textArray(owners.requests)}, ${intArray(owners.seqs)}) AS owner (request_id, seq)
      WHERE subjects.request_id = owner.request_id AND subjects.seq = owner.seq
        AND state IN ('resolved', 'soft_deleted', 'scheduled')
      RETURNING subjects.request_id`),
  );
  return [...new Set(rescheduled.map(({ requestId }) => requestId))];
}
