import type { FinishedRange, TableFigures } from '../../../domain/batch.ts';
import type { Members } from '../visibility/batch-table.ts';
import type { Range } from './ranges.ts';
import type { StandingRows } from './standing-rows.ts';
import type { Session } from '../session.ts';

export type TableCounts = Omit<TableFigures, 'table'>;

/** The counts of a chunk, as stored in its log row. The database adds `last`, the counts of the last tables. */
export interface Counts {
  readonly tables: Readonly<Record<string, TableCounts>>;
  readonly last: readonly { readonly table: string; readonly removed: number }[];
  /** The standing rows among the retained ones of this pass, which the next pass subtracts. */
  readonly standing: readonly StandingRows[];
  readonly retained: FinishedRange['retained'];
  readonly anonymised: NonNullable<FinishedRange['anonymised']>;
}
/** `part` is 0 for the range itself, and 1, 2, … for the preceding parts of a large subject. */
export interface Unit extends Range {
  readonly part: number;
}
export interface LoggedUnit extends Unit {
  readonly counts: Counts;
}

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

export function finishedRange(unit: Unit, counts: Counts): FinishedRange {
  const { tables: logged, last, retained, anonymised } = counts;
  const tables = new Map(Object.entries(logged));
  for (const { table, removed } of last) {
    const old = tables.get(table) ?? { removed: 0, retained: [] };
    tables.set(table, { ...old, removed: old.removed + removed });
  }
  return {
    firstSeq: unit.first,
    lastSeq: unit.last,
    part: unit.part,
    // In the order of names, because the log does not keep an order.
    tables: [...tables]
      .map(([table, tableCounts]) => ({ table, ...tableCounts }))
      .toSorted((one, other) => (one.table < other.table ? -1 : 1)),
    retained,
    ...(anonymised.length > 0 && { anonymised }),
  };
}
