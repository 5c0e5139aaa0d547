import { type SQL, sql } from 'drizzle-orm';
import { pgSchema, timestamp } from 'drizzle-orm/pg-core';

/** The PostgreSQL schema of the ledger, which contains all of Lethe's tables. */
export const lethe = pgSchema('lethe');

/** A timestamp column, read and written as `Date`. PostgreSQL stores microseconds, TypeScript milliseconds. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true });

/** A second from now, by the ledger's clock: the process that changed a row starts or signals its workflow first. */
export const DISPATCHED_SOON: SQL = sql`clock_timestamp() + interval '1 second'`;

/** The column of an outbox row. New rows are due soon, whichever statement stores them. */
export const dispatchAt = () => timestamptz('dispatch_at').default(DISPATCHED_SOON);

/** The CHECK condition that limits a column to `values`, the same list that types the column in TypeScript. */
export const oneOf = (column: string, values: readonly string[]): SQL => sql.raw(`${column} IN (${literals(values)})`);

/** A quoted list for CHECK conditions and partial indexes. `values` are constants of domain/, never input. */
export const literals = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');
