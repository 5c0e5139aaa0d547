import { sql } from 'drizzle-orm';
import { bigint, check, index, jsonb, text } from 'drizzle-orm/pg-core';
import { lethe, timestamptz } from './lethe.ts';

/**
 * The audit log. A trigger in the hand-written migration makes it append-only. It has no foreign keys, because it
 * outlives the rows that it describes.
 */
export const auditEvents = lethe.table(
  'audit_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: timestamptz('at').notNull(),
    project: text('project').notNull(),
    /** Null for events that do not belong to one request. */
    requestId: text('request_id'),
    /** The id of the member, or `lethe` for automatic changes. */
    actor: text('actor').notNull(),
    /** `noun.past_verb`, such as `hold.placed`. */
    action: text('action').notNull(),
    /** Positions, ranges, counts, codes and references; never an identity. */
    detail: jsonb('detail')
      .$type<Readonly<Record<string, string | number | boolean | null | readonly number[]>>>()
      .notNull(),
  },
  (table) => [
    check('audit_events_action_check', sql`action ~ '^[a-z_]+\\.[a-z_]+$'`),
    index('audit_events_of_request').on(table.requestId, table.id),
    index('audit_events_of_project').on(table.project, table.at, table.id),
    index('audit_events_by_actor').on(table.project, table.actor, table.at, table.id),
    index('audit_events_by_noun').on(table.project, sql`split_part(action, '.', 1)`, table.at, table.id),
  ],
);
