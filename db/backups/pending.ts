import { type SQL, sql } from 'drizzle-orm';
import type { Status } from '../../domain/vocabulary.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** The statuses of an export that may still become ready. */
export const UNDER_WAY: readonly Status[] = ['received', 'resolving', 'collecting', 'packaging'];

const exportingFirst = (project: string): SQL => sql`
  SELECT id FROM ${requests} WHERE project = ${project} AND export_first AND concluded_at IS NULL`;

/**
 * Whether a subject has to be in a ready archive before its claim (rule 18), due or not: its own request exports first, or a
 * request that is attached to it does. A condition over `subjects` of the statement around it, evaluated each time like
 * holds (rule 6).
 */
export const waitsForBackup = (project: string): SQL => sql`(
  (NOT subjects.backed_up AND subjects.request_id IN (${exportingFirst(project)}))
  OR (subjects.request_id, subjects.seq) IN (
    SELECT attached.owner_request, attached.owner_seq FROM ${subjects} attached
    WHERE attached.project = ${project} AND attached.state = 'attached' AND NOT attached.backed_up
      AND attached.request_id IN (${exportingFirst(project)})))`;

/**
 * Of a deletion that exports first, the `seq` of the subjects that are in no archive and no open export. Only subjects with
 * data; of attached ones, only those that their owner has not claimed: the others cannot be exported any more. A subject that
 * is cancelled in an open export raises attention when that export ends.
 */
export const notBackedUp = (requestId: string): SQL => sql`
  SELECT mine.seq
  FROM ${subjects} mine
  LEFT JOIN ${subjects} owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
  WHERE mine.request_id = ${requestId} AND NOT mine.backed_up
    AND (mine.state IN ('soft_deleted', 'scheduled') OR (mine.state = 'resolved' AND mine.present)
         OR (mine.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted') AND coalesce(mine.present OR owner.present, false)))
    AND NOT EXISTS (
      SELECT FROM ${requests} backup JOIN ${subjects} twin ON twin.request_id = backup.id
      WHERE backup.backup_of = ${requestId} AND backup.status = ANY(${textArray(UNDER_WAY)}) AND twin.seq = mine.seq)`;

/**
 * Subjects that a deletion gives up need no backup for it: they leave its open exports, and the owner of a subject that was
 * only attached here does not wait for that archive. Parts of the statement that cancels them, where `withdrawn` has seq,
 * owner_request, owner_seq and backed_up. `changed` names the requests to wake.
 */
export const releaseBackups = (requestId: string, firstRun: Date): SQL => sql`
  excluded AS (
    UPDATE ${subjects} twin SET state = 'cancelled'
    FROM ${requests} backup, withdrawn
    WHERE backup.backup_of = ${requestId} AND backup.concluded_at IS NULL AND twin.request_id = backup.id
      AND twin.seq = withdrawn.seq AND twin.state = 'selected'
    RETURNING twin.request_id),
  smaller AS (
    UPDATE ${requests} SET epoch = epoch + 1 WHERE id IN (SELECT request_id FROM excluded) RETURNING id),
  freed AS (
    UPDATE ${subjects} owner SET hard_delete_at = greatest(owner.hard_delete_at, ${firstRun})
    FROM withdrawn, ${requests}
    WHERE requests.id = ${requestId} AND export_first AND NOT withdrawn.backed_up
      AND owner.request_id = withdrawn.owner_request AND owner.seq = withdrawn.owner_seq
      AND owner.state IN ('resolved', 'soft_deleted', 'scheduled')
    RETURNING owner.request_id),
  changed AS (SELECT id FROM smaller UNION SELECT request_id FROM freed)`;
