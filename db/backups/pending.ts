import { type SQL, sql } from 'drizzle-orm';
import type { Status } from '../../domain/vocabulary.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** Of an export that may still become ready. */
export const UNDER_WAY: readonly Status[] = ['received', 'resolving', 'collecting', 'packaging'];

const exportingFirst = (project: string): SQL => sql`
  SELECT id FROM ${requests} WHERE project = ${project} AND export_first AND concluded_at IS NULL`;

/**
 * Whether one of lethe.subjects, whatever its due date, has to be in an archive that is ready before it is claimed (rule 18):
 * its own request exports first, or one does that is attached to it. A condition over `subjects` of the statement around it,
 * asked anew each time as holds are (rule 6).
 */
export const waitsForBackup = (project: string): SQL => sql`(
  (NOT subjects.backed_up AND subjects.request_id IN (${exportingFirst(project)}))
  OR (subjects.request_id, subjects.seq) IN (
    SELECT attached.owner_request, attached.owner_seq FROM ${subjects} attached
    WHERE attached.project = ${project} AND attached.state = 'attached' AND NOT attached.backed_up
      AND attached.request_id IN (${exportingFirst(project)})))`;

/**
 * Of a deletion that exports first, the `seq` of those whom no archive holds and for whom none is under way. Only who is known
 * to be somewhere; of those who are attached, only whom their owner has not claimed: the rest cannot be saved any more. Who is
 * cancelled out of an export under way is missed when that one ends, by an operator.
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
