import type { Scope } from '../../../domain/vocabulary.ts';
import { type Catalog, type ColumnType, typeOf } from '../data-map/catalog.ts';
import { type KindModel, type Target, placeOf } from '../data-map/model.ts';
import { canonical, ident } from '../sql.ts';

/** The scopes that keep the rows and empty only columns (rule 16). */
export type PartialScope = Exclude<Scope, 'data'>;

/** A column that can be emptied: what it becomes, and the condition that it holds a value. */
export interface ClearableColumn {
  readonly column: string;
  readonly becomes: 'NULL' | 'DEFAULT';
  readonly filled: string;
}

/** What a deletion of columns does to a table's rows. */
export interface ClearPlan {
  readonly clearable: readonly ClearableColumn[];
  /** Columns that cannot be emptied: their values stay, and the receipt names them. */
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

/**
 * The columns of the subject's own row that describe it and find no row. Generated columns are left out: they follow
 * the columns that they are computed from.
 */
function personalColumns(target: Target, model: KindModel, catalog: Catalog): readonly string[] {
  if (target.role !== 'subject') return [];
  const flag = model.map.softDelete?.column;
  const columns = [...(catalog.columns.get(canonical(target.table)) ?? [])];
  return columns.flatMap(([column, { generated }]) =>
    generated || column === flag || model.lookupColumns.has(placeOf(target.table, column)) ? [] : [column],
  );
}

/** Undefined when emptying would move the row or rows that refer to it, or when no neutral value is known. */
export function clearableColumn(column: string, type: ColumnType): ClearableColumn | undefined {
  if (type.generated || type.isKeyColumn) return undefined;
  // Not IS NOT NULL, which of a row in a column asks for every field.
  if (!type.notNull) return { column, becomes: 'NULL', filled: `${ident(column)} IS DISTINCT FROM NULL` };
  const value = type.default ?? '';
  if (type.isForeignKey || !CONSTANT.test(value)) return undefined;
  return {
    column,
    becomes: 'DEFAULT',
    // As text: not every type has an equality, and the default is of the column's type only once it is stored.
    filled: `${ident(column)}::text <> (${value})::${type.full}::text`,
  };
}

/** A default as PostgreSQL prints it that is the same tomorrow: a number, a truth, or a quoted text with its type. */
const CONSTANT = /^\(?(-?[0-9.]+|true|false|'([^']|'')*')\)?(::[a-z][a-z0-9_ ."]*(\([0-9,]+\))?(\[\])?)*$/;

export const anyColumnFilled = ({ clearable }: ClearPlan): string =>
  clearable.length === 0 ? 'false' : `(${clearable.map(({ filled }) => filled).join(' OR ')})`;

export const clearingSet = ({ clearable }: ClearPlan): string =>
  clearable.map(({ column, becomes }) => `${ident(column)} = ${becomes}`).join(', ');
