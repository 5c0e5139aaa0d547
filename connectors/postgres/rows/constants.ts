import type { Conditions, Value } from '../../data-map/data-map.ts';
import { columnSql } from '../data-map/column-path.ts';
import { literal } from '../sql.ts';

/** A constant of the data map as an untyped literal, which takes the type of the column. Never an identity. */
export const constantSql = (value: Value | null): string => (value === null ? 'NULL' : literal(String(value)));

/** The constant condition of an entry, or `true`. `prefix` names the relation, such as `origin.`. */
export function conditionSql(conditions: Conditions, prefix = ''): string {
  const parts = Object.entries(conditions).map(([name, condition]) => oneOf(columnSql(name, prefix), condition));
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

function oneOf(column: string, condition: Conditions[string]): string {
  const values = Array.isArray(condition) ? (condition as readonly (Value | null)[]) : [condition as Value | null];
  const constants = values.filter((value) => value !== null).map(constantSql);
  const alternatives = [
    ...(constants.length === 1 ? [`${column} = ${constants.join()}`] : []),
    ...(constants.length > 1 ? [`${column} IN (${constants.join(', ')})`] : []),
    ...(values.includes(null) ? [`${column} IS NULL`] : []),
  ];
  return alternatives.length === 1 ? alternatives.join() : `(${alternatives.join(' OR ')})`;
}
