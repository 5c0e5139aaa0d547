import { type SQL, sql } from 'drizzle-orm';

/*
 * Arrays as one parameter. Drizzle expands a bare array in a template to a list with one parameter per element,
 * `($1, $2)`, which `ANY(…)` and `unnest(…)` do not accept.
 */
export const textArray = (values: readonly (string | null)[] | null): SQL => sql`${sql.param(values)}::text[]`;
export const intArray = (values: readonly (number | null)[] | null): SQL => sql`${sql.param(values)}::integer[]`;

/** Binary values as a set for `IN (…)`. */
export const bytesIn = (values: readonly Buffer[]): SQL =>
  sql`(SELECT decode(hex, 'hex') FROM unnest(${textArray(values.map((value) => value.toString('hex')))}) hex)`;

/** A `text[]` as text, `{"ann@x.test","berlin"}`, so that arrays of different lengths fit into one array parameter. */
export const arrayLiteral = (parts: readonly string[]): string =>
  `{${parts.map((part) => `"${part.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;
