import type { Anonymised } from '../../data-map/data-map.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import type { KindModel, Target } from '../../data-map/model.ts';
import { constantSql } from './constants.ts';
import { ident, literal } from '../sql.ts';

/** The SET clause that anonymises the subject's own row. */
export const anonymisingSet = (target: Target, model: KindModel, catalog: Catalog): string =>
  replacements(target, model, catalog, '')
    .map(({ column, value }) => `${ident(column)} = ${value}`)
    .join(', ');

/** The condition that a row has the values that Lethe writes. Compared as text, because json has no equality. */
export function anonymisedCondition(target: Target, model: KindModel, catalog: Catalog, prefix = ''): string {
  const equal = replacements(target, model, catalog, prefix).map(
    ({ column, value }) => `${prefix}${ident(column)}::text IS NOT DISTINCT FROM (${value})::text`,
  );
  return `(${equal.join(' AND ')})`;
}

/** The new value of each anonymised column. `prefix` names the relation. */
export function replacements(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  prefix: string,
): { column: string; value: string }[] {
  // A digest is the most expensive value, so it is compared last.
  const isRandom = (to: Anonymised): number => Number(typeof to === 'object' && to !== null && 'random' in to);
  const columns = Object.entries(target.anonymise ?? {}).toSorted(([, a], [, b]) => isRandom(a) - isRandom(b));
  return columns.map(([column, to]) => {
    const { full } = typeOf(catalog, target.table, column);
    return { column, value: `(${replacementSql(column, to, target, model, catalog, prefix)})::${full}` };
  });
}

function replacementSql(
  column: string,
  to: Anonymised,
  target: Target,
  model: KindModel,
  catalog: Catalog,
  prefix: string,
): string {
  if (typeof to !== 'object' || to === null) return constantSql(to);
  const key = model.key.columns.map((name) => `${prefix}${ident(name)}::text`);
  if ('placeholder' in to)
    return to.placeholder
      .split('{key}')
      .map(literal)
      .join(` || ${key.join(` || '-' || `)} || `);
  const hex = keyedDigest(target.table, column, key, model);
  return digestAs(hex, typeOf(catalog, target.table, column));
}

/** Differs for each row, and cannot be computed without the digest key of the database. */
const keyedDigest = (table: string, column: string, key: readonly string[], { kind }: KindModel): string =>
  `encode(lethe_system.digest(${[table, kind, column].map(literal).join(', ')}, ARRAY[${key.join(', ')}]), 'hex')`;

/** A hexadecimal digest of 64 digits as a value of a column: text, uuid or an integer. */
export function digestAs(hex: string, { base, full }: { base: string; full: string }): string {
  if (base === 'uuid') return `substr(${hex}, 1, 32)::uuid`;
  if (base === 'int8') return `-1 - ('x' || substr(${hex}, 1, 15))::bit(60)::bigint`;
  if (base === 'int4') return `-1 - ('x' || substr(${hex}, 1, 7))::bit(28)::int`;
  const length = Number(/\((\d+)\)/.exec(full)?.[1] ?? 32);
  return `substr(${hex}, 1, ${Math.min(length, 32)})`;
}
