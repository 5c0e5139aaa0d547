import type { Members } from '../visibility/batch-table.ts';
import type { Session } from '../session.ts';
import { MEMBERS } from '../rows/where.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Divides a batch into ranges of `size` subjects. Its sequence can have gaps. */
export const memberRanges = (session: Session, members: Members, size: number): Promise<Range[]> =>
  session.rows<{ first: number; last: number }>(
    `SELECT min(seq) AS first, max(seq) AS last
     FROM (SELECT seq, (row_number() OVER (ORDER BY seq) - 1) / $6::int AS chunk
           FROM (SELECT DISTINCT seq FROM lethe_system.batch WHERE ${MEMBERS}) AS subjects) AS numbered
     GROUP BY chunk ORDER BY chunk`,
    [...members, size],
  );
