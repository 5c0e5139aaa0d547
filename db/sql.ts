import { type SQL, sql } from 'drizzle-orm';

/*
 * Arrays as one parameter. Drizzle writes a bare array in a template as a list of parameters, `($1, $2)`, which
 * `ANY(…)` and `unnest(…)` refuse and which takes a parameter per element.
 */
export const textArray = (values: readonly (string | null)[] | null): SQL => sql`${sql.param(values)}::text[]`;
export const intArray = (values: readonly (number | null)[] | null): SQL => sql`${sql.param(values)}::integer[]`;

/** The binary values of hexadecimal texts, as a set for `IN (…)`. */
export const bytesIn = (values: readonly Buffer[]): SQL =>
  sql`(SELECT decode(hex, 'hex') FROM unnest(${textArray(values.map((value) => value.toString('hex')))}) hex)`;

/** One `text[]` as text, so that an array of arrays of different lengths is one parameter: `{"ann@x.test","berlin"}`. */
export const arrayLiteral = (parts: readonly string[]): string =>
  `{${parts.map((part) => `"${part.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`).join(',')}}`;
