import { bytea, text } from 'drizzle-orm/pg-core';
import { lethe, timestamptz } from './lethe.ts';

/** One row per project, locked FOR UPDATE by every transaction that resolves, holds, cancels or claims (rule 6). */
export const projects = lethe.table('projects', { name: text('name').primaryKey() });

/**
 * The digest keys that rows were written with. Api and worker refuse to start without one of them, or with another key
 * under the same id (rule 11).
 */
export const digestKeys = lethe.table('digest_keys', { id: text('id').primaryKey(), proof: bytea('proof').notNull() });

/** The next free time of every rate-limit slot (design §7). UNLOGGED: see the migration written by hand. */
export const slots = lethe.table('slots', {
  name: text('name').primaryKey(),
  nextAt: timestamptz('next_at').notNull(),
});
