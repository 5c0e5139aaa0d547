import type { Status } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** An export that was made before a deletion, as its status and receipt name it. */
export interface Backup {
  readonly requestId: string;
  readonly status: Status;
  /** Null until it is ready for the first time. */
  readonly readyAt: Date | null;
  readonly expiresAt: Date | null;
  readonly subjects: number;
}

/** Oldest first. */
export const readBackups = (queries: Queries, deletion: string): Promise<readonly Backup[]> => queries<Backup[]>`
  SELECT id AS request_id, status, ready_at, expires_at,
         (SELECT count(*) FROM lethe.subjects WHERE subjects.request_id = backup.id AND state IN ('wanted', 'exported')) AS subjects
  FROM lethe.requests backup LEFT JOIN lethe.archives ON archives.request_id = backup.id
  WHERE backup_of = ${deletion} ORDER BY received_at, id`;
