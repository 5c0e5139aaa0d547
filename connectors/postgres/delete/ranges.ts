import type { MemberRange } from '../../figures/ranges.ts';
import { EXCEPTED, type Members } from '../visibility/batch-table.ts';
import type { Session } from '../session.ts';
import { MEMBERS } from '../rows/where.ts';

/**
 * Divides a batch into ranges of `size` subjects. Subjects that the call leaves out count too, so that a later call finds
 * the ranges of an earlier one in the log.
 */
export const memberRanges = (session: Session, members: Members, size: number): Promise<MemberRange[]> =>
  session.rows<{ first: number; last: number; seqs: number[] }>(
    `SELECT min(seq) AS first, max(seq) AS last, array_agg(seq ORDER BY seq) AS seqs
     FROM (SELECT seq, (row_number() OVER (ORDER BY seq) - 1) / $6::int AS chunk
           FROM (SELECT DISTINCT seq FROM lethe_system.batch
                 WHERE ${MEMBERS.replace('batch = $3', `batch IN ($3, $3 || '${EXCEPTED}')`)}) AS subjects) AS numbered
     GROUP BY chunk ORDER BY chunk`,
    [...members, size],
  );
