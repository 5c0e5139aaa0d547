import { type SQL, sql } from 'drizzle-orm';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';

/**
 * Whom a deletion lets go of is not backed up for it any more: they leave the exports that are under way, and whoever owns a
 * subject that was only attached here need not wait for an archive of it. Parts of the statement that lets go, in which
 * `withdrawn` has seq, owner_request, owner_seq and backed_up; `changed` are the requests that have to see it.
 */
export const letGoOfBackups = (requestId: string, firstRun: Date): SQL => sql`
  spared AS (
    UPDATE ${subjects} twin SET state = 'cancelled'
    FROM ${requests} backup, withdrawn
    WHERE backup.backup_of = ${requestId} AND backup.concluded_at IS NULL AND twin.request_id = backup.id
      AND twin.seq = withdrawn.seq AND twin.state = 'wanted'
    RETURNING twin.request_id),
  smaller AS (
    UPDATE ${requests} SET epoch = epoch + 1 WHERE id IN (SELECT request_id FROM spared) RETURNING id),
  freed AS (
    UPDATE ${subjects} owner SET hard_delete_at = greatest(owner.hard_delete_at, ${firstRun})
    FROM withdrawn, ${requests}
    WHERE requests.id = ${requestId} AND export_first AND NOT withdrawn.backed_up
      AND owner.request_id = withdrawn.owner_request AND owner.seq = withdrawn.owner_seq
      AND owner.state IN ('resolved', 'soft_deleted', 'scheduled')
    RETURNING owner.request_id),
  changed AS (SELECT id FROM smaller UNION SELECT request_id FROM freed)`;
