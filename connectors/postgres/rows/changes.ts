import { valueSide } from '../data-map/cast.ts';
import { type Catalog, typeOf } from '../data-map/catalog.ts';
import { changedSql, columnSql } from '../data-map/column-path.ts';
import { columnPath } from '../../data-map/names.ts';
import type { KindModel, Match, Target } from '../../data-map/model.ts';
import { type ReferenceChange, referenceChanges, staysFilled } from '../../data-map/reference-changes.ts';
import { anonymisingSet, digestAs } from './anonymise.ts';
import { constantSql } from './constants.ts';
import { MEMBERS, elementType, sidesOf } from './where.ts';
import { ident, literal, literalList } from '../sql.ts';

/** The SET clause for rows that a deletion keeps. Undefined when the rows do not change, or are deleted. */
export function changesSet(target: Target, system: string, model: KindModel, catalog: Catalog): string | undefined {
  if (target.anonymise !== undefined) return anonymisingSet(target, model, catalog);
  // Several keys of one document change together, because a SET clause names each column once.
  const values = new Map<string, string>();
  for (const change of referenceChanges(target)) {
    if (staysFilled(change, target, catalog)) continue;
    const { column } = columnPath(change.column);
    values.set(column, referenceSql(change, target, system, model, catalog, values.get(column) ?? ident(column)));
  }
  for (const column of target.retain?.blank ?? []) values.set(column, 'NULL');
  const all = [...values].map(([column, value]) => `${ident(column)} = ${value}`);
  return all.length === 0 ? undefined : all.join(', ');
}

/** The new value of a column. `current` is its value after the earlier changes of the same statement. */
function referenceSql(
  { column, to }: ReferenceChange,
  target: Target,
  system: string,
  model: KindModel,
  catalog: Catalog,
  current: string,
): string {
  const array = target.matches.find(({ isArray, columns }) => isArray === true && columns.includes(column));
  if (array !== undefined && typeof to === 'object') return arraySql(array, to, target, catalog);
  const { full } = typeOf(catalog, target.table, columnPath(column).column);
  if (to === 'pseudonym')
    return changedSql(column, pseudonym(target, column, system, model, catalog), { current, type: full });
  const value = constantSql('ghost' in to ? to.ghost : to.value);
  // to_jsonb needs a type; the columns of a table give their own type to a literal.
  const isInside = columnPath(column).keys.length > 0 && value !== 'NULL';
  const constant = 'ghost' in to ? to.ghost : to.value;
  const type = typeof constant === 'number' ? 'numeric' : typeof constant === 'boolean' ? 'boolean' : 'text';
  return changedSql(column, isInside ? `${value}::${type}` : value, { current, type: full });
}

/** Removes the keys of the subjects from an array, or replaces them by the key of the ghost. The order stays. */
function arraySql(
  match: Match,
  to: Exclude<ReferenceChange['to'], 'pseudonym'>,
  target: Target,
  catalog: Catalog,
): string {
  const [side] = sidesOf(target.table, match, catalog);
  const { column, value } = side ?? { column: '', value: '' };
  const type = elementType(target, match, catalog);
  const keys = `ARRAY(SELECT ${value} FROM lethe_system.batch WHERE ${MEMBERS} AND type IN (${literalList(match.types)}))::${type}[]`;
  const elements = `FROM unnest(${column}) WITH ORDINALITY AS each(item, place)`;
  const isOther = `(item = ANY (${keys})) IS NOT TRUE`;
  return 'ghost' in to
    ? `ARRAY(SELECT CASE WHEN ${isOther} THEN item ELSE ${constantSql(to.ghost)} END ${elements} ORDER BY place)`
    : `ARRAY(SELECT item ${elements} WHERE ${isOther} ORDER BY place)`;
}

/** The keyed digest of the old value: equal for all rows of one subject, and not reversible without the key. */
function pseudonym(target: Target, column: string, system: string, model: KindModel, catalog: Catalog): string {
  const type = typeOf(catalog, target.table, column);
  const args = [system, model.kind, 'pseudonym'].map(literal).join(', ');
  const hex = `encode(lethe_system.digest(${args}, ARRAY[${columnSql(column)}::text]), 'hex')`;
  if (type.base === 'uuid' || type.base === 'int8') return digestAs(hex, type);
  return valueSide(`('deleted-' || substr(${hex}, 1, 32))`, type, 'exact');
}
