import type { FinishedRange } from '../../../domain/batch.ts';
import type { Target } from '../data-map/model.ts';
import type { Counts, Figures } from './range-log.ts';
import { canonical } from '../sql.ts';

/** How many rows of a table are kept of one subject. */
export type SubjectRows = readonly [seq: number, rows: number];

/** Adds up a chunk: a table that is mapped twice is one line of the receipt, and so is each of its bases. */
export class RowCounts {
  readonly #tables = new Map<string, Figures>();
  /** Rows kept, by basis and then by subject. */
  readonly #kept = new Map<string, Map<number, number>>();

  add(target: Target, figures: Partial<Figures> & { readonly kept?: readonly SubjectRows[] }): void {
    const table = canonical(target.table);
    const old: Figures = this.#tables.get(table) ?? { removed: 0, retained: 0, basis: null };
    const retained = old.retained + (figures.retained ?? 0);
    const why = figures.basis ?? target.retain?.basis ?? old.basis;
    const basis = (figures.retained ?? 0) > 0 ? why : old.basis;
    const blanked = (old.blanked ?? 0) + (figures.blanked ?? 0);
    const parts = blanked > 0 ? { blanked } : {};
    this.#tables.set(table, { removed: old.removed + (figures.removed ?? 0), retained, basis, ...parts });
    if (why !== null) this.#keep(why, figures.kept ?? []);
  }

  #keep(basis: string, kept: readonly SubjectRows[]): void {
    const subjects = this.#kept.get(basis) ?? new Map<number, number>();
    for (const [seq, rows] of kept) subjects.set(seq, (subjects.get(seq) ?? 0) + rows);
    this.#kept.set(basis, subjects);
  }

  counts(last: Counts['last'] = null): Counts {
    return { tables: Object.fromEntries(this.#tables), last, retained: this.#retained() };
  }

  #retained(): FinishedRange['retained'] {
    return [...this.#kept]
      .flatMap(([basis, subjects]) => [...subjects].map(([seq, rows]) => ({ seq, basis, rows })))
      .toSorted((a, b) => a.seq - b.seq);
  }
}
