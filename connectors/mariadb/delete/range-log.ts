import type { Counts, LoggedUnit, Unit } from '../../figures/counts.ts';
import type { Range } from '../../figures/ranges.ts';
import { type StandingRows, ofRange } from '../../figures/standing-rows.ts';
import type { Members } from '../batch/identities.ts';
import type { Parameter, Session } from '../session.ts';

export type LogKey = readonly Parameter[];

export const logKey = (members: Members, pass: number, unit: Unit): LogKey => [
  members.system,
  members.requestId,
  members.batch,
  ...[pass, unit.first, unit.last, unit.part].map(String),
];

const KEY =
  '`system` = ? AND request_id = ? AND batch = ? AND pass = ? AND first_seq = ? AND last_seq = ? AND part = ?';

/** Locks the chunk. A second attempt waits here and returns false after the first attempt has committed. */
export const openLogRow = async (session: Session, key: LogKey): Promise<boolean> =>
  (await session.run(
    `INSERT IGNORE INTO lethe_ranges (\`system\`, request_id, batch, pass, first_seq, last_seq, part, counts)
     VALUES (?, ?, ?, ?, ?, ?, ?, '{}')`,
    key,
  )) === 1;

export const closeLogRow = (session: Session, key: LogKey, counts: Counts): Promise<number> =>
  session.run(`UPDATE lethe_ranges SET counts = ? WHERE ${KEY}`, [JSON.stringify(counts), ...key]);

export async function readLogRow(session: Session, key: LogKey): Promise<Counts | undefined> {
  const [row] = await session.rows<{ counts: unknown }>(`SELECT counts FROM lethe_ranges WHERE ${KEY}`, key);
  return row === undefined ? undefined : parseCounts(row.counts);
}

/** The driver parses a column of type JSON, which MariaDB has under another name. */
const parseCounts = (counts: unknown): Counts => (typeof counts === 'string' ? JSON.parse(counts) : counts) as Counts;

interface LogRow {
  readonly first: number;
  readonly last: number;
  readonly part: number;
  readonly counts: unknown;
}

/** Everything that earlier attempts of this pass have committed. */
export async function readRangeLog(session: Session, members: Members, pass: number): Promise<LoggedUnit[]> {
  const rows = await session.rows<LogRow>(
    `SELECT first_seq AS \`first\`, last_seq AS \`last\`, part, counts FROM lethe_ranges
     WHERE \`system\` = ? AND request_id = ? AND batch = ? AND pass = ? ORDER BY first_seq, last_seq, part`,
    [members.system, members.requestId, members.batch, String(pass)],
  );
  return rows.map((row) => ({ ...row, counts: parseCounts(row.counts) }));
}

/** Reads the standing rows of a range that earlier passes have counted, or its first part in this pass. */
export async function readStandingRows(
  session: Session,
  { system, requestId, batch }: Members,
  pass: number,
  { first, last }: Range,
  hasParts = false,
): Promise<readonly StandingRows[]> {
  if (pass === 1 && !hasParts) return [];
  const rows = await session.rows<LogRow>(
    `SELECT first_seq AS \`first\`, last_seq AS \`last\`, part, counts FROM lethe_ranges
     WHERE \`system\` = ? AND request_id = ? AND batch = ? AND first_seq <= ${last} AND last_seq >= ${first}
       AND (pass < ${pass} OR (pass = ${pass} AND first_seq = ${first} AND last_seq = ${last} AND part > 0))`,
    [system, requestId, batch],
  );
  return rows.flatMap((row) => {
    const { standing } = parseCounts(row.counts);
    const isInside = row.first >= first && row.last <= last;
    return isInside ? standing : standing.map((each) => ofRange(each, first, last));
  });
}

/** The size of the ranges of the first call, so that a changed configuration does not move those of a resumed deletion. */
export async function rangeSize(session: Session, members: Members, size: number): Promise<number> {
  const key = [members.system, members.requestId, members.batch];
  await session.run('INSERT IGNORE INTO lethe_batches (`system`, request_id, batch, range_size) VALUES (?, ?, ?, ?)', [
    ...key,
    String(size),
  ]);
  const [row] = await session.rows<{ size: number }>(
    'SELECT range_size AS size FROM lethe_batches WHERE `system` = ? AND request_id = ? AND batch = ?',
    key,
  );
  return row?.size ?? size;
}
