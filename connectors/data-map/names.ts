export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Splits `app.users`. A name without a schema is in `public`. Names are case-sensitive, as in the catalog. */
export function tableName(table: string): TableName {
  const dot = table.indexOf('.');
  return dot < 0 ? { schema: 'public', name: table } : { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/** `schema.table`, the form that counts and receipts use. */
export const qualifiedName = (table: string): string => {
  const { schema, name } = tableName(table);
  return `${schema}.${name}`;
};

/** A column, and the keys that lead to a value inside it. Without keys it is the column itself. */
export interface ColumnPath {
  readonly column: string;
  readonly keys: readonly string[];
}

const JSON_PATH = /^([^'<>]+?)((?:\s*->\s*'[^']+')*)\s*->>\s*'([^']+)'$/;

/** Parses `column`, `column->>'key'` or `column->'key'->>'key'`. Every other text is the name of a column. */
export function columnPath(name: string): ColumnPath {
  const [, column, steps = '', last] = JSON_PATH.exec(name) ?? [];
  if (column === undefined || last === undefined) return { column: name, keys: [] };
  return { column: column.trim(), keys: [...[...steps.matchAll(/'([^']+)'/g)].map(([, key = '']) => key), last] };
}
