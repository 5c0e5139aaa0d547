import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { TASK_STATES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { requests } from './requests.ts';
import { projects } from './projects.ts';

/** What people do in systems without an API: one task for the subjects of one range. Contains no identity. */
export const manualTasks = lethe.table(
  'manual_tasks',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    system: text('system').notNull(),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    batch: integer('batch').notNull(),
    pass: integer('pass').notNull(),
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    /** The subjects that the task asks for, in ascending order. After a retry only those that were not possible. */
    seqs: integer('seqs').array().notNull(),
    /** What to do, as the configuration said when the task was opened. */
    instruction: text('instruction').notNull(),
    /** The address of the configuration for mail about the task. */
    notify: text('notify'),
    /** The time that the configuration gives, for a task that is opened again. */
    withinMs: bigint('within_ms', { mode: 'number' }).notNull(),
    openedAt: timestamptz('opened_at').notNull(),
    dueAt: timestamptz('due_at').notNull(),
    /** How often it was opened again, because an operator retried. */
    reopened: integer('reopened').notNull().default(0),
    /** When it was announced that the task is late. Null if it never was. */
    remindedAt: timestamptz('reminded_at'),
    state: text('state', { enum: TASK_STATES }).notNull(),
    /** Why it was not possible, in the words of the member. */
    reason: text('reason'),
    /** The subjects of `seqs` for which it was not possible. */
    notPossible: integer('not_possible').array().notNull().default([]),
    answeredAt: timestamptz('answered_at'),
    /** The id of the member. */
    answeredBy: text('answered_by'),
  },
  (table) => [
    check('manual_tasks_state_check', oneOf('state', TASK_STATES)),
    check('manual_tasks_answer_check', sql`(state IN ('done', 'not_possible')) = (answered_at IS NOT NULL)`),
    uniqueIndex('manual_tasks_of_range').on(table.requestId, table.system, table.batch, table.pass, table.firstSeq),
    index('manual_tasks_of_project').on(table.project, table.state, table.id.desc().nullsFirst()),
  ],
);
