import type { Conditions, Value } from '../../data-map/data-map.ts';
import { columnPath } from '../../data-map/names.ts';
import { columnSql } from '../catalog/columns.ts';
import { literal } from '../sql.ts';

/** A constant of the data map. Never an identity. */
export function constantSql(value: Value | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  return typeof value === 'number' ? String(value) : literal(value);
}

/** The constant condition of an entry, or `true`. `prefix` names the relation, such as `own.`. */
export function conditionSql(conditions: Conditions, prefix = ''): string {
  const parts = Object.entries(conditions).map(([name, condition]) => oneOf(name, columnSql(name, prefix), condition));
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

function oneOf(name: string, column: string, condition: Conditions[string]): string {
  const values = Array.isArray(condition) ? (condition as readonly (Value | null)[]) : [condition as Value | null];
  // A key inside a document is compared as text.
  const isText = columnPath(name).keys.length > 0;
  const constants = values
    .filter((value) => value !== null)
    .map((value) => (isText ? literal(String(value)) : constantSql(value)));
  const alternatives = [
    ...(constants.length > 0 ? [`${column} IN (${constants.join(', ')})`] : []),
    ...(values.includes(null) ? [`${column} IS NULL`] : []),
  ];
  return alternatives.length === 1 ? alternatives.join() : `(${alternatives.join(' OR ')})`;
}
