import { tableName } from '../data-map/names.ts';

/** Quotes a name of the data map. Identities never become part of SQL text. */
export const ident = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** Quotes a name of a type, kind or setting. Needs NO_BACKSLASH_ESCAPES. Must not be used for identities. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export const literalList = (texts: readonly string[]): string => texts.map(literal).join(', ');

export const relation = (table: string): string => {
  const { schema, name } = tableName(table);
  return `${ident(schema)}.${ident(name)}`;
};
