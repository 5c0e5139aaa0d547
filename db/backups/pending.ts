import { type SQL, sql } from 'drizzle-orm';
import type { Status } from '../../domain/vocabulary.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** Statuses of an export that can still become ready. */
export const UNFINISHED_STATUSES: readonly Status[] = ['received', 'resolving', 'collecting', 'packaging'];

const exportFirstRequests = (project: string): SQL => sql`
  SELECT id FROM ${requests} WHERE project = ${project} AND export_first AND concluded_at IS NULL`;

/**
 * A condition on `subjects` of the outer statement: the subject is missing from a ready archive that its own request,
 * or a request attached to it, requires (rule 18). Never stored, and evaluated by each claim, like holds (rule 6).
 */
export const waitsForBackup = (project: string): SQL => sql`(
  (NOT subjects.backed_up AND subjects.request_id IN (${exportFirstRequests(project)}))
  OR (subjects.request_id, subjects.seq) IN (
    SELECT attached.owner_request, attached.owner_seq FROM ${subjects} attached
    WHERE attached.project = ${project} AND attached.state = 'attached' AND NOT attached.backed_up
      AND attached.request_id IN (${exportFirstRequests(project)})))`;

/**
 * Selects the `seq` of a deletion's subjects that have data and are in no archive and no open export. An attached
 * subject that its owner has claimed cannot be exported any more and is left out.
 */
export const notBackedUp = (requestId: string): SQL => sql`
  SELECT subject.seq
  FROM ${subjects} subject
  LEFT JOIN ${subjects} owner ON owner.request_id = subject.owner_request AND owner.seq = subject.owner_seq
  WHERE subject.request_id = ${requestId} AND NOT subject.backed_up
    AND (subject.state IN ('soft_deleted', 'scheduled') OR (subject.state = 'resolved' AND subject.present)
         OR (subject.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted') AND coalesce(subject.present OR owner.present, false)))
    AND NOT EXISTS (
      SELECT FROM ${requests} backup JOIN ${subjects} copied ON copied.request_id = backup.id
      WHERE backup.backup_of = ${requestId} AND backup.status = ANY(${textArray(UNFINISHED_STATUSES)}) AND copied.seq = subject.seq)`;

/**
 * CTEs that remove the rows of a CTE `cancelled_subject` from the deletion's open exports. The owner of a subject that
 * was attached here may claim it from `firstRun` on. The CTE `changed` lists the requests to signal.
 */
export const releaseBackups = (requestId: string, firstRun: Date): SQL => sql`
  removed AS (
    UPDATE ${subjects} copied SET state = 'cancelled'
    FROM ${requests} backup, cancelled_subject
    WHERE backup.backup_of = ${requestId} AND backup.concluded_at IS NULL AND copied.request_id = backup.id
      AND copied.seq = cancelled_subject.seq AND copied.state = 'selected'
    RETURNING copied.request_id),
  restarted AS (
    UPDATE ${requests} SET epoch = epoch + 1 WHERE id IN (SELECT request_id FROM removed) RETURNING id),
  rescheduled AS (
    UPDATE ${subjects} owner SET hard_delete_at = greatest(owner.hard_delete_at, ${firstRun})
    FROM cancelled_subject, ${requests}
    WHERE requests.id = ${requestId} AND export_first AND NOT cancelled_subject.backed_up
      AND owner.request_id = cancelled_subject.owner_request AND owner.seq = cancelled_subject.owner_seq
      AND owner.state IN ('resolved', 'soft_deleted', 'scheduled')
    RETURNING owner.request_id),
  changed AS (SELECT id FROM restarted UNION SELECT request_id FROM rescheduled)`;
