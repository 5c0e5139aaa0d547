import { bytea, text } from 'drizzle-orm/pg-core';
import { lethe, timestamptz } from './lethe.ts';

/** One row per project. Every transaction that resolves, holds, cancels or claims locks it (rule 6). */
export const projects = lethe.table('projects', { name: text('name').primaryKey() });

/**
 * The digest keys that rows were written with. The API and the worker do not start if one is missing, or if another key
 * has the same id (rule 11). `proof` is a digest of a constant under the key.
 */
export const digestKeys = lethe.table('digest_keys', { id: text('id').primaryKey(), proof: bytea('proof').notNull() });

/** The next free time of every rate limit: per token, and per system. The hand-written migration makes it UNLOGGED. */
export const slots = lethe.table('slots', {
  name: text('name').primaryKey(),
  nextAt: timestamptz('next_at').notNull(),
});
