import type { Scope } from '../../../domain/vocabulary.ts';
import { valueSide } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { type KindModel, type Target, linkColumns } from '../data-map/model.ts';
import { anyColumnFilled, planClearing } from './clear-columns.ts';
import { ident, literal } from '../sql.ts';
import { where } from '../data-map/where.ts';

/** The condition for a table that has no rows to change. It has no parameters. */
export const NO_ROWS = 'false';

/** The rows that still need work: rows to delete or clear, and retained rows that still identify or describe the subject. */
export function remaining(target: Target, scope: Scope, model: KindModel, catalog: Catalog): string {
  const belongs = where(target, model, catalog);
  if (scope !== 'data') {
    const plan = planClearing(target, scope, model, catalog);
    return plan.clearable.length === 0 ? NO_ROWS : `(${belongs}) AND ${anyColumnFilled(plan)}`;
  }
  const { retain } = target;
  if (retain === undefined || retain.unlink !== undefined) return belongs;
  return (retain.blank ?? []).length === 0 ? NO_ROWS : `(${belongs}) AND (${hasColumnToBlank(target)})`;
}

/** Returns the condition that a column under `blank` still has a value. `prefix` names the relation, such as `own.`. */
export function hasColumnToBlank({ retain }: Target, prefix = ''): string {
  const filled = (retain?.blank ?? []).map((column) => `${prefix}${ident(column)} IS NOT NULL`);
  return filled.length === 0 ? NO_ROWS : filled.join(' OR ');
}

/** The SET clause that blanks and unlinks a retained row. Undefined when the row does not change. */
export function assignments(target: Target, system: string, model: KindModel, catalog: Catalog): string | undefined {
  const { retain } = target;
  const blank = (retain?.blank ?? []).map((column) => `${ident(column)} = NULL`);
  const columns = linkColumns(target);
  const unlink = columns.map((column) =>
    retain?.unlink === 'pseudonym'
      ? `${ident(column)} = ${pseudonym(target, column, system, model, catalog)}`
      : `${ident(column)} = NULL`,
  );
  const all = retain?.unlink === undefined ? blank : [...blank, ...unlink];
  return all.length === 0 ? undefined : all.join(', ');
}

/** The keyed digest of the old value: equal for all rows of one subject, and not reversible without the key. */
function pseudonym(target: Target, column: string, system: string, model: KindModel, catalog: Catalog): string {
  const type = typeOf(catalog, target.table, column);
  const args = [system, model.kind, 'pseudonym'].map(literal).join(', ');
  const hex = `encode(lethe_system.digest(${args}, ARRAY[${ident(column)}::text]), 'hex')`;
  if (type.base === 'uuid') return `substr(${hex}, 1, 32)::uuid`;
  if (type.base === 'int8') return `-1 - ('x' || substr(${hex}, 1, 15))::bit(60)::bigint`;
  return valueSide(`('deleted-' || substr(${hex}, 1, 32))`, type, 'exact');
}
