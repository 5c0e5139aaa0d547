import type { Catalog, ForeignKey } from './catalog.ts';
import { type KindModel, type Target, isDeleted, isSameTable, parentsOf } from './model.ts';
import { changedColumns } from './reference-changes.ts';
import { qualifiedName } from './names.ts';

/** Entries that one statement processes. Several are deletions that depend on each other. */
export type Step = readonly Target[];

export interface DeletionPlan {
  readonly steps: readonly Step[];
  /** Tables that depend on each other and cannot be changed in one statement. Empty when a plan exists. */
  readonly cycle: readonly string[];
}

export interface PlanOptions {
  /** Rows that other rows point to are deleted after those, also without a foreign key. */
  readonly isPointedLast?: boolean;
}

/**
 * Orders the entries: rows that are found through others, or reference them, come first. Deletions that depend on each
 * other share a statement, because PostgreSQL checks foreign keys at its end.
 */
export function deletionPlan(model: KindModel, catalog: Catalog, options: PlanOptions = {}): DeletionPlan {
  // Detached rows come first, while rows that belong to a subject still have the reference that says so.
  const targets = model.targets.toSorted((one, other) => Number(isDetached(other)) - Number(isDetached(one)));
  const later = new Map(
    targets.map((target) => [target, targets.filter((other) => precedes(target, other, model, catalog, options))]),
  );
  const reachable = new Map(targets.map((target) => [target, reach(target, later)]));
  const reaches = (from: Target, to: Target): boolean => reachable.get(from)?.has(to) === true;
  const steps: Target[][] = [];
  const remaining = new Set(targets);
  while (remaining.size > 0) {
    const [first] = [...remaining].filter((target) =>
      [...remaining].every((other) => !reaches(other, target) || reaches(target, other)),
    );
    if (first === undefined) break;
    const step = [...remaining].filter((other) => other === first || (reaches(first, other) && reaches(other, first)));
    for (const target of step) remaining.delete(target);
    steps.push(step);
  }
  const circular = steps.find((step) => step.length > 1 && !step.every(isDeleted)) ?? [];
  return { steps, cycle: [...new Set(circular.map(({ table }) => qualifiedName(table)))] };
}

const isDetached = ({ detach }: Target): boolean => detach !== undefined;

function reach(from: Target, later: ReadonlyMap<Target, readonly Target[]>): ReadonlySet<Target> {
  const found = new Set<Target>();
  const open = [...(later.get(from) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(later.get(next) ?? []));
  }
  return found;
}

/** Whether `first` must be processed before `other`, or together with it. */
function precedes(
  first: Target,
  other: Target,
  model: KindModel,
  catalog: Catalog,
  { isPointedLast = false }: PlanOptions,
): boolean {
  if (first === other) return false;
  const isPointed = other.referencedBy !== undefined && isDeleted(other);
  if (isPointedLast && isPointed && isPointing(first, other)) return true;
  if (first.via !== undefined && parentsOf(first, model).includes(other)) return true;
  // A kept row belongs to the subject as long as the row that points to it does.
  if (first.referencedBy !== undefined && !isDeleted(first) && parentsOf(first, model).includes(other)) return true;
  return isDeleted(other) && catalog.foreignKeys.some((key) => frees(first, other, key));
}

const isPointing = (first: Target, { referencedBy, sharedWith }: Target): boolean =>
  first.detach === undefined &&
  [referencedBy, ...sharedWith].some((link) => link !== undefined && isSameTable(link.table, first.table));

/** Whether the change of `child` removes references to rows that the deletion of `parent` removes. */
function frees(child: Target, parent: Target, key: ForeignKey): boolean {
  if (!isSameTable(key.child, child.table) || !isSameTable(key.parent, parent.table)) return false;
  return isDeleted(child) || changedColumns(child).some((column) => key.childColumns.includes(column));
}
