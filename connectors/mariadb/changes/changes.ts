import { columnPath } from '../../data-map/names.ts';
import type { KindModel, Target } from '../../data-map/model.ts';
import { type ReferenceChange, referenceChanges, staysFilled } from '../../data-map/reference-changes.ts';
import { constantSql } from '../batch/conditions.ts';
import { changedSql, columnSql, textOf, typeOf } from '../catalog/columns.ts';
import type { Catalog } from '../catalog/types.ts';
import { ident, literal } from '../sql.ts';
import { digestAs, digestSql, replacements } from './anonymise.ts';

/** The SET clause for rows `own` that a deletion keeps. Undefined when the rows do not change, or are deleted. */
export function changesSet(target: Target, system: string, model: KindModel, catalog: Catalog): string | undefined {
  // Several keys of one document change together, because a later assignment would not see an earlier one everywhere.
  const values = new Map<string, string>();
  for (const { column, value } of replacements(target, model, catalog)) values.set(column, value);
  for (const change of referenceChanges(target)) {
    if (staysFilled(change, target, catalog)) continue;
    const { column } = columnPath(change.column);
    const current = values.get(column) ?? `own.${ident(column)}`;
    values.set(column, changedSql(change.column, referenceSql(change, target, system, model, catalog), current));
  }
  for (const column of target.retain?.blank ?? []) values.set(column, 'NULL');
  const all = [...values].map(([column, value]) => `own.${ident(column)} = ${value}`);
  return all.length === 0 ? undefined : all.join(', ');
}

function referenceSql(
  { column, to }: ReferenceChange,
  target: Target,
  system: string,
  model: KindModel,
  catalog: Catalog,
): string {
  if (to !== 'pseudonym') return constantSql('ghost' in to ? to.ghost : to.value);
  // Equal for all rows of one subject, and not reversible without the key.
  const type = typeOf(catalog, target.table, column);
  const text = textOf(columnSql(column, 'own.'), type);
  const hex = digestSql(system, model.kind, 'pseudonym', text);
  return type.family === 'text' ? `CONCAT(${literal('deleted-')}, SUBSTR(${hex}, 1, 32))` : digestAs(hex, type);
}
