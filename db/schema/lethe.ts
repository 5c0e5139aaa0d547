import { type SQL, sql } from 'drizzle-orm';
import { pgSchema, timestamp } from 'drizzle-orm/pg-core';

/** Lethe's ledger: the only schema that Lethe creates tables in. */
export const lethe = pgSchema('lethe');

/** Microseconds in the database, milliseconds in TypeScript; written and read as `Date`. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true });

/** The condition of a CHECK: one list is both this and the column's TypeScript union. */
export const oneOf = (column: string, values: readonly string[]): SQL => sql.raw(`${column} IN (${literals(values)})`);

/** A quoted list for CHECK conditions and partial indexes. `values` are our own words, never input. */
export const literals = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');
