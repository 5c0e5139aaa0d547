import type { Scope } from '../../../domain/vocabulary.ts';
import type { Catalog } from '../data-map/catalog.ts';
import { type KindModel, type Target, isDeleted } from '../../data-map/model.ts';
import { anonymisedCondition } from '../rows/anonymise.ts';
import { type WhereOptions, unreferenced, unshared, where } from '../rows/where.ts';
import { anyColumnFilled, planClearing } from '../chunks/clear-columns.ts';
import { ident } from '../sql.ts';

/** The condition for a table that has no rows to change. It has no parameters. */
export const NO_ROWS = 'false';

/** The rows that still need work: rows to delete or change, and retained rows that still identify or describe the subject. */
export function remaining(
  target: Target,
  scope: Scope,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions = {},
): string {
  const belongs = where(target, model, catalog, options);
  if (scope !== 'data') {
    const plan = planClearing(target, scope, model, catalog);
    if (plan.clearable.length === 0) return NO_ROWS;
    const own = target.referencedBy === undefined ? 'true' : unshared(target, model, catalog, options);
    return `(${belongs}) AND ${own} AND ${anyColumnFilled(plan)}`;
  }
  if (target.anonymise !== undefined) return `(${belongs}) AND NOT ${anonymisedCondition(target, model, catalog)}`;
  if (target.referencedBy !== undefined && isDeleted(target))
    return `(${belongs}) AND ${unreferenced(target, model, catalog, options)}`;
  const { retain } = target;
  if (retain === undefined || retain.unlink !== undefined || retain.reassign !== undefined) return belongs;
  return (retain.blank ?? []).length === 0 ? NO_ROWS : `(${belongs}) AND (${hasColumnToBlank(target)})`;
}

/** The condition that a column under `blank` still has a value. */
function hasColumnToBlank({ retain }: Target): string {
  const filled = (retain?.blank ?? []).map((column) => `${ident(column)} IS NOT NULL`);
  return filled.length === 0 ? NO_ROWS : filled.join(' OR ');
}
