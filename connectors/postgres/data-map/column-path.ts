import { columnPath } from '../../data-map/names.ts';
import { ident, literal } from '../sql.ts';

/** The value of a column or of a key inside it, as text for a key. `prefix` names the relation, such as `own.`. */
export function columnSql(name: string, prefix = ''): string {
  const { column, keys } = columnPath(name);
  const base = `${prefix}${ident(column)}`;
  if (keys.length === 0) return base;
  const inner = keys.slice(0, -1).map((key) => ` -> ${literal(key)}`);
  return `(${base}${inner.join('')} ->> ${literal(keys.at(-1) ?? '')})`;
}

/**
 * The value of a column after a change. `value` is SQL; a key inside a document becomes JSON null when it is `NULL`.
 * `current` is the value that the change of a document starts from.
 */
export function changedSql(name: string, value: string, { current, type }: { current: string; type: string }): string {
  const { keys } = columnPath(name);
  if (keys.length === 0) return value;
  const path = `ARRAY[${keys.map(literal).join(', ')}]`;
  const json = value === 'NULL' ? `'null'::jsonb` : `to_jsonb(${value})`;
  return `jsonb_set((${current})::jsonb, ${path}, ${json}, false)::${type}`;
}
