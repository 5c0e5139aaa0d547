/** Quotes a name of the data map. Identities never become part of SQL text. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Quotes a name of a type, kind or setting. Must not be used for identities. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

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

export const relation = (table: string): string => {
  const { schema, name } = tableName(table);
  return `${ident(schema)}.${ident(name)}`;
};

export const literalList = (names: readonly string[]): string => names.map(literal).join(', ');
