/** A number of rows of one subject. */
export type SubjectRows = readonly [seq: number, rows: number];

/** Retained rows of a table that keep their reference to the subject, so that every pass finds them again. */
export interface StandingRows {
  readonly table: string;
  readonly basis: string;
  readonly rows: number;
  readonly perSubject: readonly SubjectRows[];
}

/** An earlier pass may have counted a larger range. */
export function ofRange(standing: StandingRows, first: number, last: number): StandingRows {
  const perSubject = standing.perSubject.filter(([seq]) => seq >= first && seq <= last);
  return { ...standing, perSubject, rows: sum(perSubject.map(([, rows]) => rows)) };
}

/** The rows that no earlier pass has counted. A row of two subjects counts once in `rows`, as far as the log tells. */
export function lateRows(found: StandingRows, counted: readonly StandingRows[]): StandingRows {
  const earlier = counted.filter(({ table, basis }) => table === found.table && basis === found.basis);
  const earlierOf = Map.groupBy(
    earlier.flatMap(({ perSubject }) => perSubject),
    ([seq]) => seq,
  );
  const perSubject = found.perSubject
    .map(([seq, rows]) => [seq, rows - sum((earlierOf.get(seq) ?? []).map(([, before]) => before))] as const)
    .filter(([, rows]) => rows > 0);
  const late = perSubject.map(([, rows]) => rows);
  const rows = Math.max(found.rows - sum(earlier.map((before) => before.rows)), ...late, 0);
  return { ...found, rows: Math.min(rows, sum(late), found.rows), perSubject };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
