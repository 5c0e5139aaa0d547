import { bigint, boolean, check, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { ATTENTION_CODES, STEPS, WORK_STATES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** How far each system has applied the desired visibility of a request. */
export const systemVisibility = lethe.table(
  'system_visibility',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    hides: boolean('hides').notNull(),
    appliedGeneration: bigint('applied_generation', { mode: 'number' }).notNull().default(0),
    skippedAt: timestamptz('skipped_at'),
    skipReason: text('skip_reason'),
    skippedBy: text('skipped_by'),
  },
  (table) => [primaryKey({ name: 'system_visibility_pkey', columns: [table.requestId, table.system] })],
);

/** Hard deletions booked per run (rule 12). */
export const runs = lethe.table(
  'runs',
  {
    project: text('project')
      .notNull()
      .references(() => projects.name),
    runAt: timestamptz('run_at').notNull(),
    booked: integer('booked').notNull(),
  },
  (table) => [primaryKey({ name: 'runs_pkey', columns: [table.project, table.runAt] })],
);

/** One claimed batch in one system. */
export const batchWork = lethe.table(
  'batch_work',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    state: text('state', { enum: WORK_STATES }).notNull().default('pending'),
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    size: integer('size').notNull(),
    /** Raised each time the verification finds survivors. */
    pass: integer('pass').notNull().default(1),
    ticket: text('ticket'),
    /** When it was first verified as empty. The last verification comes `policy.settle` later. */
    emptiedAt: timestamptz('emptied_at'),
    verifiedAt: timestamptz('verified_at'),
    survivors: integer('survivors'),
    skipReason: text('skip_reason'),
    skippedBy: text('skipped_by'),
  },
  (table) => [
    primaryKey({ name: 'batch_work_pkey', columns: [table.requestId, table.batch, table.system] }),
    check('batch_work_state_check', oneOf('state', WORK_STATES)),
  ],
);

/** What each finished range removed and kept. The receipt is the sum of these rows (rule 13). */
export const systemRanges = lethe.table(
  'system_ranges',
  {
    requestId: text('request_id').notNull(),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    pass: integer('pass').notNull(),
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    part: integer('part').notNull(),
    tables: jsonb('tables').$type<unknown>().notNull(),
  },
  (table) => [
    primaryKey({
      name: 'system_ranges_pkey',
      columns: [table.requestId, table.batch, table.system, table.pass, table.firstSeq, table.lastSeq, table.part],
    }),
  ],
);

/**
 * The rows kept of each subject, per basis, over all systems and passes: the sum of its ranges, added together with them.
 * Subjects without any have no row; attached subjects share those of their owner.
 */
export const retainedRows = lethe.table(
  'retained_rows',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    basis: text('basis').notNull(),
    rows: bigint('rows', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ name: 'retained_rows_pkey', columns: [table.requestId, table.seq, table.basis] })],
);

/** Why an operator is needed now. A row is deleted when its reason is gone; the audit log keeps the history. */
export const attention = lethe.table(
  'attention',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    step: text('step', { enum: STEPS }).notNull(),
    /** 0 for steps that are not of one batch. */
    batch: integer('batch').notNull().default(0),
    code: text('code', { enum: ATTENTION_CODES }).notNull(),
    since: timestamptz('since').notNull(),
    /** When the step is retried without an operator. Null: only when an operator asks. */
    retryAt: timestamptz('retry_at'),
  },
  (table) => [
    primaryKey({ name: 'attention_pkey', columns: [table.requestId, table.system, table.step, table.batch] }),
    check('attention_step_check', oneOf('step', STEPS)),
  ],
);
