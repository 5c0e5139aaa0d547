import { type StandingRows, ofRange } from '../../figures/standing-rows.ts';
import type { Members } from '../visibility/batch-table.ts';
import type { Session } from '../session.ts';
import type { Range } from '../../figures/ranges.ts';

/** Reads the standing rows of a range that earlier passes have counted, or its first part in this pass. */
export async function readStandingRows(
  session: Session,
  [system, requestId, batch]: Members,
  pass: number,
  { first, last }: Range,
  hasParts = false,
): Promise<readonly StandingRows[]> {
  if (pass === 1 && !hasParts) return [];
  const units = await session.rows<Range & { standing: readonly StandingRows[] }>(
    `SELECT first_seq AS first, last_seq AS last, counts->'standing' AS standing FROM lethe_system.ranges
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND first_seq <= $6::int AND last_seq >= $5::int
       AND (pass < $4::int OR (pass = $4::int AND first_seq = $5::int AND last_seq = $6::int AND part > 0))`,
    [system, requestId, batch, pass, first, last],
  );
  return units.flatMap((unit) =>
    unit.first >= first && unit.last <= last ? unit.standing : unit.standing.map((rows) => ofRange(rows, first, last)),
  );
}
