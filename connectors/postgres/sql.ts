/** Identifiers and names from the data map become SQL here and nowhere else; identities never do. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** For names of types, kinds and settings: never for anything that a person is called. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** `app.users`, or `users` for `public.users`. Names are those of the catalog: case counts. */
export function tableName(table: string): TableName {
  const dot = table.indexOf('.');
  return dot < 0 ? { schema: 'public', name: table } : { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/** The one spelling of a table under which maps and figures are kept. */
export const canonical = (table: string): string => {
  const { schema, name } = tableName(table);
  return `${schema}.${name}`;
};

export const relation = (table: string): string => {
  const { schema, name } = tableName(table);
  return `${ident(schema)}.${ident(name)}`;
};

export const list = (names: readonly string[]): string => names.map(literal).join(', ');
