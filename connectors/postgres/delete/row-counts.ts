import type { Target } from '../data-map/model.ts';
import type { Counts, Figures } from './range-log.ts';
import { canonical } from '../sql.ts';

/** Adds up a chunk: a table that is mapped twice is one line of the receipt, and so is each of its bases. */
export class RowCounts {
  readonly #tables = new Map<string, Figures>();
  readonly #seqs = new Set<number>();

  add(target: Target, figures: Partial<Figures> & { readonly seqs?: readonly number[] }): void {
    const table = canonical(target.table);
    const old: Figures = this.#tables.get(table) ?? { removed: 0, retained: 0, basis: null };
    const retained = old.retained + (figures.retained ?? 0);
    const why = figures.basis ?? target.retain?.basis ?? old.basis;
    const basis = (figures.retained ?? 0) > 0 ? why : old.basis;
    const blanked = (old.blanked ?? 0) + (figures.blanked ?? 0);
    const parts = blanked > 0 ? { blanked } : {};
    this.#tables.set(table, { removed: old.removed + (figures.removed ?? 0), retained, basis, ...parts });
    for (const seq of figures.seqs ?? []) this.#seqs.add(seq);
  }

  counts(last: Counts['last'] = null): Counts {
    return { tables: Object.fromEntries(this.#tables), last, retainedSeqs: [...this.#seqs].toSorted((a, b) => a - b) };
  }
}
