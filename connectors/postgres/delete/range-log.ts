import type { Counts, LoggedUnit, Unit } from '../../figures/counts.ts';
import type { Session } from '../session.ts';
import type { Members } from '../visibility/batch-table.ts';

const KEY =
  'system = $1 AND request_id = $2 AND batch = $3 AND pass = $4 AND first_seq = $5 AND last_seq = $6 AND part = $7';

export const logKey = (members: Members, pass: number, unit: Unit): readonly unknown[] => [
  members[0],
  members[1],
  members[2],
  pass,
  unit.first,
  unit.last,
  unit.part,
];

/** Locks the chunk. A second attempt waits here and returns false after the first attempt has committed. */
export const openLogRow = async (session: Session, key: readonly unknown[]): Promise<boolean> =>
  (await session.run(
    `INSERT INTO lethe_system.ranges (system, request_id, batch, pass, first_seq, last_seq, part)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    key,
  )) === 1;

export const closeLogRow = (session: Session, key: readonly unknown[], counts: Counts): Promise<number> =>
  session.run(`UPDATE lethe_system.ranges SET counts = $8::jsonb WHERE ${KEY}`, [...key, JSON.stringify(counts)]);

export async function readLogRow(session: Session, key: readonly unknown[]): Promise<Counts | undefined> {
  const [row] = await session.rows<{ counts: Counts }>(`SELECT counts FROM lethe_system.ranges WHERE ${KEY}`, key);
  return row?.counts;
}

/** Everything that earlier attempts of this pass have committed. */
export const readRangeLog = (
  session: Session,
  [system, requestId, batch]: Members,
  pass: number,
): Promise<LoggedUnit[]> =>
  session.rows<LoggedUnit>(
    `SELECT first_seq AS first, last_seq AS last, part, counts FROM lethe_system.ranges
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND pass = $4 ORDER BY first_seq, last_seq, part`,
    [system, requestId, batch, pass],
  );
