import type { Scope } from '../../../domain/vocabulary.ts';
import { type Catalog, type ColumnType, typeOf } from '../data-map/catalog.ts';
import { type KindModel, type Target, placeOf } from '../data-map/model.ts';
import { canonical, ident } from '../sql.ts';

/** Of which rows stay and only columns are emptied (rule 16). */
export type PartScope = Exclude<Scope, 'data'>;

/** A column that can be emptied: what it becomes, and how it is told that something stands in it. */
export interface Blank {
  readonly column: string;
  readonly becomes: 'NULL' | 'DEFAULT';
  readonly filled: string;
}

/** What a part-deletion does to a table's rows. */
export interface Part {
  readonly blanks: readonly Blank[];
  /** Columns that cannot be emptied: their values stay, and the receipt says so. */
  readonly stays: readonly string[];
}

export function partOf(target: Target, scope: PartScope, model: KindModel, catalog: Catalog): Part {
  const columns = scope === 'sources' ? target.sources : properties(target, model, catalog);
  const blanks = columns.map((column) => ({ column, blank: blankOf(column, typeOf(catalog, target.table, column)) }));
  return {
    blanks: blanks.flatMap(({ blank }) => (blank === undefined ? [] : [blank])),
    stays: blanks.flatMap(({ column, blank }) => (blank === undefined ? [column] : [])),
  };
}

/**
 * What the subject's own row says of it, beyond that by which it and other rows are found. What is computed from other
 * columns follows them.
 */
export function properties(target: Target, model: KindModel, catalog: Catalog): readonly string[] {
  if (target.role !== 'subject') return [];
  const flag = model.map.softDelete?.column;
  const columns = [...(catalog.columns.get(canonical(target.table)) ?? [])];
  return columns.flatMap(([column, { generated }]) =>
    generated || column === flag || model.finding.has(placeOf(target.table, column)) ? [] : [column],
  );
}

/** Undefined: emptied, the row, or rows of others, would be elsewhere; or no value is known that says nothing. */
export function blankOf(column: string, type: ColumnType): Blank | undefined {
  if (type.generated || type.anchored) return undefined;
  // Not IS NOT NULL, which of a row in a column asks for every field.
  if (!type.notNull) return { column, becomes: 'NULL', filled: `${ident(column)} IS DISTINCT FROM NULL` };
  const value = type.default ?? '';
  if (type.refers || !CONSTANT.test(value)) return undefined;
  return {
    column,
    becomes: 'DEFAULT',
    // As text: not every type has an equality, and the default is of the column's type only once it is stored.
    filled: `${ident(column)}::text <> (${value})::${type.full}::text`,
  };
}

/** A default as PostgreSQL prints it that is the same tomorrow: a number, a truth, or a quoted text with its type. */
const CONSTANT = /^\(?(-?[0-9.]+|true|false|'([^']|'')*')\)?(::[a-z][a-z0-9_ ."]*(\([0-9,]+\))?(\[\])?)*$/;

export const anyFilled = ({ blanks }: Part): string =>
  blanks.length === 0 ? 'false' : `(${blanks.map((blank) => blank.filled).join(' OR ')})`;

export const blanking = ({ blanks }: Part): string =>
  blanks.map(({ column, becomes }) => `${ident(column)} = ${becomes}`).join(', ');
