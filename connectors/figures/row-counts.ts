import type { AnonymisedRows, FinishedRange, RetainedRows } from '../../domain/batch.ts';
import type { Target } from '../data-map/model.ts';
import type { Counts, TableCounts } from './counts.ts';
import { type StandingRows, type SubjectRows, lateRows } from './standing-rows.ts';
import { qualifiedName } from '../data-map/names.ts';

/** The counts of one statement. `perSubject` are the retained or anonymised rows of each subject. */
export interface AddedCounts {
  readonly removed?: number;
  readonly blanked?: number;
  readonly detached?: number;
  readonly anonymised?: AnonymisedRows;
  readonly retained?: number;
  /** The basis of the retained rows. Omitted: that of the data map. */
  readonly basis?: string;
  /** Every pass finds the retained rows again. Those of earlier passes are subtracted. */
  readonly isStanding?: boolean;
  readonly perSubject?: readonly SubjectRows[];
}

/** Adds up the counts of a chunk per table and basis, and the retained and anonymised rows per subject. */
export class RowCounts {
  readonly #tables = new Map<string, TableCounts>();
  /** The retained rows of each subject, by basis. */
  readonly #retained = new Map<string, Map<number, number>>();
  readonly #anonymised = new Map<number, AnonymisedRows>();
  readonly #standing = new Map<string, StandingRows>();
  readonly #earlier: readonly StandingRows[];

  /** `earlier` are the standing rows that earlier passes have counted. */
  constructor(earlier: readonly StandingRows[] = []) {
    this.#earlier = earlier;
  }

  add(target: Target, added: AddedCounts): void {
    const { retained = 0, isStanding = false, perSubject = [], anonymised, ...counts } = added;
    const basis = added.basis ?? target.retain?.basis;
    const table = qualifiedName(target.table);
    this.addTable(table, { ...counts, ...(anonymised && { anonymised }) });
    if (anonymised !== undefined) this.#addAnonymised(anonymised.columns, perSubject);
    if (basis === undefined) return;
    if (isStanding) this.#addStanding({ table, basis, rows: retained, perSubject });
    else this.#addRetained(table, { basis, rows: retained }, perSubject);
  }

  /** Adds counts of a table that is not necessarily in the data map. */
  addTable(table: string, added: Partial<TableCounts>): void {
    const old = this.#tables.get(table) ?? { removed: 0, retained: [] };
    const blanked = (old.blanked ?? 0) + (added.blanked ?? 0);
    const detached = (old.detached ?? 0) + (added.detached ?? 0);
    const anonymised = sumAnonymised(old.anonymised, added.anonymised);
    this.#tables.set(table, {
      removed: old.removed + (added.removed ?? 0),
      retained: sumRetained([...old.retained, ...(added.retained ?? [])]),
      ...(blanked > 0 && { blanked }),
      ...(detached > 0 && { detached }),
      ...(anonymised.rows > 0 && { anonymised }),
    });
  }

  counts(last: Counts['last'] = []): Counts {
    const standing = [...this.#standing.values()]
      .map((rows) => lateRows(rows, this.#earlier))
      .filter(({ rows, perSubject }) => rows > 0 || perSubject.length > 0);
    for (const { table, perSubject, ...retained } of standing) this.#addRetained(table, retained, perSubject);
    this.#standing.clear();
    return {
      tables: Object.fromEntries(this.#tables),
      last,
      standing,
      retained: this.#retainedPerSubject(),
      anonymised: [...this.#anonymised].map(([seq, rows]) => ({ seq, ...rows })).toSorted((a, b) => a.seq - b.seq),
    };
  }

  #addRetained(table: string, added: RetainedRows, perSubject: readonly SubjectRows[]): void {
    this.addTable(table, { retained: [added] });
    const subjects = this.#retained.get(added.basis) ?? new Map<number, number>();
    addPerSubject(subjects, perSubject);
    this.#retained.set(added.basis, subjects);
  }

  /** Kept apart until the end, because two entries of a table can have the same basis. */
  #addStanding(added: StandingRows): void {
    const key = JSON.stringify([added.table, added.basis]);
    const old = this.#standing.get(key);
    const subjects = new Map(old?.perSubject);
    addPerSubject(subjects, added.perSubject);
    this.#standing.set(key, { ...added, rows: (old?.rows ?? 0) + added.rows, perSubject: [...subjects] });
  }

  #addAnonymised(columns: readonly string[], perSubject: readonly SubjectRows[]): void {
    for (const [seq, rows] of perSubject)
      this.#anonymised.set(seq, sumAnonymised(this.#anonymised.get(seq), { rows, columns }));
  }

  #retainedPerSubject(): FinishedRange['retained'] {
    return [...this.#retained]
      .flatMap(([basis, subjects]) => [...subjects].map(([seq, rows]) => ({ seq, basis, rows })))
      .toSorted((a, b) => a.seq - b.seq);
  }
}

function addPerSubject(subjects: Map<number, number>, added: readonly SubjectRows[]): void {
  for (const [seq, rows] of added) subjects.set(seq, (subjects.get(seq) ?? 0) + rows);
}

/** One entry per basis, in the order of the bases. A basis without rows has no entry. */
function sumRetained(retained: readonly RetainedRows[]): readonly RetainedRows[] {
  const sums = new Map<string, number>();
  for (const { basis, rows } of retained) sums.set(basis, (sums.get(basis) ?? 0) + rows);
  return [...sums]
    .map(([basis, rows]) => ({ basis, rows }))
    .filter(({ rows }) => rows > 0)
    .toSorted((one, other) => (one.basis < other.basis ? -1 : 1));
}

function sumAnonymised(one?: AnonymisedRows, other?: AnonymisedRows): AnonymisedRows {
  const columns = [...(one?.columns ?? []), ...(other?.columns ?? [])];
  return { rows: (one?.rows ?? 0) + (other?.rows ?? 0), columns: [...new Set(columns)].toSorted() };
}
