import type { Catalog } from './catalog.ts';
import { type KindModel, type Target, parentsOf } from './model.ts';
import { canonical } from '../sql.ts';

export interface Order {
  readonly targets: readonly Target[];
  /** Tables that wait for each other: no order can serve them all. */
  readonly cycle: readonly string[];
}

/** Children first: what is found through another table, or references it, goes before it. */
export function deletionOrder(model: KindModel, catalog: Catalog): Order {
  const before = new Map(model.targets.map((target) => [target, waitsFor(target, model, catalog)]));
  const targets: Target[] = [];
  const left = new Set(model.targets);
  while (left.size > 0) {
    const next = [...left].find((target) => ![...(before.get(target) ?? [])].some((other) => left.has(other)));
    if (next === undefined) {
      const stuck = [...left];
      return { targets: [...targets, ...stuck], cycle: stuck.map((target) => canonical(target.table)) };
    }
    left.delete(next);
    targets.push(next);
  }
  return { targets, cycle: [] };
}

/** The targets whose rows must be gone before this one's. */
function waitsFor(target: Target, model: KindModel, catalog: Catalog): ReadonlySet<Target> {
  const table = canonical(target.table);
  const children = catalog.foreignKeys.filter(({ to }) => to === table).map(({ from }) => from);
  return new Set(
    model.targets.filter(
      (other) =>
        other !== target && (parentsOf(other, model).includes(target) || children.includes(canonical(other.table))),
    ),
  );
}
