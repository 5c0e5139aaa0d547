import type { Scope } from '../../../domain/vocabulary.ts';
import { type KindModel, type Target, qualifiedColumn } from '../../data-map/model.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { typeOf } from '../catalog/columns.ts';
import type { Catalog, ColumnType } from '../catalog/types.ts';
import { ident } from '../sql.ts';

/** The scopes of a part deletion: rows stay, columns are cleared (rule 16). */
export type PartialScope = Exclude<Scope, 'data'>;

/** A column that can be cleared: its value afterward, and the condition `filled` that it still has another value. */
export interface ClearableColumn {
  readonly column: string;
  readonly becomes: string;
  readonly filled: string;
}

/** What a part deletion does to the rows of a table. */
export interface ClearPlan {
  readonly clearable: readonly ClearableColumn[];
  /** Columns that cannot be cleared. The receipt names them. */
  readonly kept: readonly string[];
}

export function planClearing(target: Target, scope: PartialScope, model: KindModel, catalog: Catalog): ClearPlan {
  const columns = scope === 'sources' ? target.sources : personalColumns(target, model, catalog);
  const found = columns.map((name) => ({
    name,
    clearable: clearableColumn(name, typeOf(catalog, target.table, name)),
  }));
  return {
    clearable: found.flatMap(({ clearable }) => (clearable === undefined ? [] : [clearable])),
    kept: found.flatMap(({ name, clearable }) => (clearable === undefined ? [name] : [])),
  };
}

/** The columns of the subject's own row that are neither generated, nor lookup columns, nor the soft-delete column. */
function personalColumns(target: Target, model: KindModel, catalog: Catalog): readonly string[] {
  if (target.role !== 'subject') return [];
  const flag = model.map.softDelete?.column;
  const columns = [...(catalog.columns.get(qualifiedName(target.table)) ?? [])];
  return columns.flatMap(([column, { isGenerated, updatesItself }]) =>
    isGenerated || updatesItself || column === flag || model.lookupColumns.has(qualifiedColumn(target.table, column))
      ? []
      : [column],
  );
}

/** Undefined when clearing would move or orphan rows, or when the column has no neutral value. */
export function clearableColumn(column: string, type: ColumnType): ClearableColumn | undefined {
  if (type.isGenerated || type.isKeyColumn) return undefined;
  const own = `own.${ident(column)}`;
  if (!type.isNotNull) return { column, becomes: 'NULL', filled: `${own} IS NOT NULL` };
  if (type.isForeignKey || !type.hasConstantDefault) return undefined;
  const becomes = `DEFAULT(${own})`;
  return { column, becomes, filled: `NOT (CAST(${own} AS BINARY) <=> CAST(${becomes} AS BINARY))` };
}

export const anyColumnFilled = ({ clearable }: ClearPlan): string =>
  clearable.length === 0 ? 'false' : `(${clearable.map(({ filled }) => filled).join(' OR ')})`;

export const clearingSet = ({ clearable }: ClearPlan): string =>
  clearable.map(({ column, becomes }) => `own.${ident(column)} = ${becomes}`).join(', ');
