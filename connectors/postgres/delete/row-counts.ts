import type { FinishedRange } from '../../../domain/batch.ts';
import type { Target } from '../data-map/model.ts';
import type { Counts, TableCounts } from './range-log.ts';
import { qualifiedName } from '../sql.ts';

/** The number of rows that a table retains of one subject. */
export type SubjectRows = readonly [seq: number, rows: number];

/** Adds up the counts of a chunk per table, and the retained rows per basis and subject. */
export class RowCounts {
  readonly #tables = new Map<string, TableCounts>();
  /** Retained rows by basis, then by subject. */
  readonly #retainedRows = new Map<string, Map<number, number>>();

  add(target: Target, added: Partial<TableCounts> & { readonly perSubject?: readonly SubjectRows[] }): void {
    const addedBasis = added.basis ?? target.retain?.basis ?? null;
    this.addTable(qualifiedName(target.table), { ...added, basis: addedBasis });
    if (addedBasis !== null) this.#addRetained(addedBasis, added.perSubject ?? []);
  }

  addTable(table: string, added: Partial<TableCounts>): void {
    const old: TableCounts = this.#tables.get(table) ?? { removed: 0, retained: 0, basis: null };
    const retained = old.retained + (added.retained ?? 0);
    const basis = (added.retained ?? 0) > 0 ? (added.basis ?? old.basis) : old.basis;
    const blanked = (old.blanked ?? 0) + (added.blanked ?? 0);
    const detached = (old.detached ?? 0) + (added.detached ?? 0);
    const anonymised = (old.anonymised?.rows ?? 0) + (added.anonymised?.rows ?? 0);
    const columns = [...new Set([...(old.anonymised?.columns ?? []), ...(added.anonymised?.columns ?? [])])];
    const parts = {
      ...(blanked > 0 && { blanked }),
      ...(detached > 0 && { detached }),
      ...(anonymised > 0 && { anonymised: { rows: anonymised, columns } }),
    };
    this.#tables.set(table, { removed: old.removed + (added.removed ?? 0), retained, basis, ...parts });
  }

  #addRetained(basis: string, perSubject: readonly SubjectRows[]): void {
    const subjects = this.#retainedRows.get(basis) ?? new Map<number, number>();
    for (const [seq, rows] of perSubject) subjects.set(seq, (subjects.get(seq) ?? 0) + rows);
    this.#retainedRows.set(basis, subjects);
  }

  counts(last: Counts['last'] = []): Counts {
    return { tables: Object.fromEntries(this.#tables), last, retained: this.#retained() };
  }

  #retained(): FinishedRange['retained'] {
    return [...this.#retainedRows]
      .flatMap(([basis, subjects]) => [...subjects].map(([seq, rows]) => ({ seq, basis, rows })))
      .toSorted((a, b) => a.seq - b.seq);
  }
}
