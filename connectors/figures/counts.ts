import type { FinishedRange, TableFigures } from '../../domain/batch.ts';
import type { Range } from './ranges.ts';
import type { StandingRows } from './standing-rows.ts';

/** A database always says how many rows it removed. */
export type TableCounts = Omit<TableFigures, 'table' | 'requested'> & { readonly removed: number };

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
