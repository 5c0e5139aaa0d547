import type { Catalog } from './catalog.ts';
import { type KindModel, type Target, parentsOf } from './model.ts';
import { qualifiedName } from '../sql.ts';

export interface DeletionOrder {
  readonly targets: readonly Target[];
  /** Tables that reference each other. Empty when an order exists. */
  readonly cycle: readonly string[];
}

/** Children first: a table that is found through another, or references it, is deleted before it. */
export function deletionOrder(model: KindModel, catalog: Catalog): DeletionOrder {
  const children = new Map(model.targets.map((target) => [target, childrenOf(target, model, catalog)]));
  const targets: Target[] = [];
  const remaining = new Set(model.targets);
  while (remaining.size > 0) {
    const next = [...remaining].find(
      (target) => ![...(children.get(target) ?? [])].some((other) => remaining.has(other)),
    );
    if (next === undefined) {
      const circular = [...remaining];
      return { targets: [...targets, ...circular], cycle: circular.map((target) => qualifiedName(target.table)) };
    }
    remaining.delete(next);
    targets.push(next);
  }
  return { targets, cycle: [] };
}

/** The targets whose rows are deleted before those of this one. */
function childrenOf(target: Target, model: KindModel, catalog: Catalog): ReadonlySet<Target> {
  const table = qualifiedName(target.table);
  const referencing = catalog.foreignKeys.filter(({ to }) => to === table).map(({ from }) => from);
  return new Set(
    model.targets.filter(
      (other) =>
        other !== target &&
        (parentsOf(other, model).includes(target) || referencing.includes(qualifiedName(other.table))),
    ),
  );
}
