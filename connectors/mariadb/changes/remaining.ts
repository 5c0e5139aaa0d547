import type { Scope } from '../../../domain/vocabulary.ts';
import type { KindModel, Target } from '../../data-map/model.ts';
import type { Catalog } from '../catalog/types.ts';
import { ident } from '../sql.ts';
import { anonymisedCondition } from './anonymise.ts';
import { anyColumnFilled, planClearing } from './clearing.ts';

/** The condition for a table that has no rows to change. */
export const NO_ROWS = 'false';

/** Filters the collected rows `own` that still need work: to be deleted or changed, or that still describe the subject. */
export function remaining(target: Target, scope: Scope, model: KindModel, catalog: Catalog): string {
  if (scope !== 'data') return anyColumnFilled(planClearing(target, scope, model, catalog));
  if (target.anonymise !== undefined) return `NOT ${anonymisedCondition(target, model, catalog)}`;
  const { retain } = target;
  if (retain === undefined || retain.unlink !== undefined || retain.reassign !== undefined) return 'true';
  const filled = (retain.blank ?? []).map((column) => `own.${ident(column)} IS NOT NULL`);
  return filled.length === 0 ? NO_ROWS : `(${filled.join(' OR ')})`;
}

/** Whether the retained rows keep their reference, so that every pass finds them. */
export const isStanding = ({ retain }: Target): boolean =>
  retain !== undefined && retain.unlink === undefined && retain.reassign === undefined;
