import { sql } from 'drizzle-orm';
import { bigint, check, index, jsonb, text } from 'drizzle-orm/pg-core';
import { lethe, timestamptz } from './lethe.ts';

/**
 * The audit log: append-only, by the trigger in the migration written by hand. It names subjects by position, sequence
 * range and digest only. No foreign keys: it outlives the rows that it is about.
 */
export const auditEvents = lethe.table(
  'audit_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: timestamptz('at').notNull(),
    project: text('project').notNull(),
    requestId: text('request_id'),
    actor: text('actor').notNull(),
    /** `noun.past_verb` */
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
