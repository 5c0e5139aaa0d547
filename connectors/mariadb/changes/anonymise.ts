import type { Anonymised } from '../../data-map/data-map.ts';
import type { KindModel, Target } from '../../data-map/model.ts';
import { constantSql } from '../batch/conditions.ts';
import { textOf, typeOf } from '../catalog/columns.ts';
import type { Catalog, ColumnType } from '../catalog/types.ts';
import { ident, literal } from '../sql.ts';

/** The new value of each anonymised column of a row `own`. */
export function replacements(
  target: Target,
  model: KindModel,
  catalog: Catalog,
): readonly { readonly column: string; readonly value: string }[] {
  return Object.entries(target.anonymise ?? {}).map(([column, to]) => ({
    column,
    value: replacementSql(column, to, target, model, catalog),
  }));
}

function replacementSql(column: string, to: Anonymised, target: Target, model: KindModel, catalog: Catalog): string {
  if (typeof to !== 'object' || to === null) return constantSql(to);
  const key = model.key.columns.map((name) => textOf(`own.${ident(name)}`, typeOf(catalog, target.table, name)));
  const joined = `CONCAT_WS('-', ${key.join(', ')})`;
  if ('placeholder' in to) {
    const parts = to.placeholder
      .split('{key}')
      .flatMap((text, index) => [...(index === 0 ? [] : [joined]), literal(text)]);
    return `CONCAT(${parts.join(', ')})`;
  }
  const hex = digestSql(target.table, model.kind, column, `CONCAT_WS(CHAR(1), ${key.join(', ')})`);
  return digestAs(hex, typeOf(catalog, target.table, column));
}

/** Cannot be computed without the digest key of the database. `text` is SQL. */
export const digestSql = (system: string, kind: string, type: string, text: string): string =>
  `LOWER(HEX(lethe_digest(${literal(system)}, ${literal(kind)}, ${literal(type)}, ${text})))`;

/** A hexadecimal digest of 64 digits as a value of a column: text, UUID or an integer below zero. */
export function digestAs(hex: string, { family, base, length }: ColumnType): string {
  if (family === 'uuid' && base === 'uuid') return `CAST(SUBSTR(${hex}, 1, 32) AS UUID)`;
  if (family === 'uuid') return `UNHEX(SUBSTR(${hex}, 1, 32))`;
  if (base === 'bigint') return `-1 - CAST(CONV(SUBSTR(${hex}, 1, 15), 16, 10) AS SIGNED)`;
  if (base === 'int') return `-1 - CAST(CONV(SUBSTR(${hex}, 1, 7), 16, 10) AS SIGNED)`;
  return `SUBSTR(${hex}, 1, ${Math.min(length ?? 32, 32)})`;
}

/** The condition that a row `own` has the values that Lethe writes. */
export function anonymisedCondition(target: Target, model: KindModel, catalog: Catalog): string {
  const equal = replacements(target, model, catalog).map(({ column, value }) => {
    const { family } = typeOf(catalog, target.table, column);
    const own = `own.${ident(column)}`;
    if (value === 'NULL') return `${own} IS NULL`;
    // A collation would find texts equal that differ, such as in case.
    return family === 'text' || family === 'json'
      ? `CAST(CONVERT(${own} USING utf8mb4) AS BINARY) <=> CAST(CONVERT(${value} USING utf8mb4) AS BINARY)`
      : `${own} <=> ${value}`;
  });
  return `(${equal.join(' AND ')})`;
}
