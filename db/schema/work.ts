import { sql } from 'drizzle-orm';
import { bigint, boolean, check, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { ATTENTION_CODES, ATTESTERS, STEPS, WORK_STATES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** The systems of a deletion, and how far each has applied the desired visibility of its subjects (rule 9). */
export const systemVisibility = lethe.table(
  'system_visibility',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    /** Whether the system can hide subjects. False for part deletions. */
    hides: boolean('hides').notNull(),
    /** Whether the system can suppress. Otherwise no suppression waits for it. */
    suppresses: boolean('suppresses').notNull().default(true),
    /** The highest `subjects.generation` that the system has applied. */
    appliedGeneration: bigint('applied_generation', { mode: 'number' }).notNull().default(0),
    /** The highest `subjects.purge_generation` whose identities the system has purged. */
    purgedGeneration: bigint('purged_generation', { mode: 'number' }).notNull().default(0),
    /** When an operator skipped the system (rule 14). Null if it takes part. */
    skippedAt: timestamptz('skipped_at'),
    skipReason: text('skip_reason'),
    skippedBy: text('skipped_by'),
  },
  (table) => [primaryKey({ name: 'system_visibility_pkey', columns: [table.requestId, table.system] })],
);

/** The number of subjects claimed per run, which counts against the quota (rule 12). */
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

/** The work of one system on one claimed batch. */
export const batchWork = lethe.table(
  'batch_work',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    state: text('state', { enum: WORK_STATES }).notNull().default('pending'),
    /** The range of `subjects.seq` in the batch. Not every number in it belongs to the batch. */
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    /** The number of subjects in the batch. */
    size: integer('size').notNull(),
    /** The number of the deletion pass. Incremented each time a verification finds survivors. */
    pass: integer('pass').notNull().default(1),
    /** Whether a deletion was ever started. Before that, the system has deleted no row of the batch. */
    started: boolean('started').notNull().default(false),
    /** The id of the deletion attempt whose result is not recorded yet. Null if none is. */
    attempt: text('attempt'),
    /** How often an operator has retried blocked subjects, which ends the wait of the child workflow. */
    retries: integer('retries').notNull().default(0),
    /** When the next deletion or verification is due, because the system said so. Null: at once. */
    dueAt: timestamptz('due_at'),
    /** When the system, or a person, last stated that it has deleted the batch. Null if it has not in this pass. */
    attestedAt: timestamptz('attested_at'),
    /** When a verification first found no rows. The final verification follows after the settle period. */
    emptiedAt: timestamptz('emptied_at'),
    /** When the batch was finally verified or attested. Null until then. */
    verifiedAt: timestamptz('verified_at'),
    /** The number of rows that the last verification still found. Null if no verification could count them. */
    survivors: integer('survivors'),
    /** What the last verification has read, and what only a statement covers. */
    readTables: text('read_tables')
      .array()
      .notNull()
      .default(sql`'{}'`),
    attestedTables: text('attested_tables')
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** Who attested the batch. Null unless its state is `attested`. */
    attestedBy: text('attested_by', { enum: ATTESTERS }),
    skipReason: text('skip_reason'),
    skippedBy: text('skipped_by'),
  },
  (table) => [
    primaryKey({ name: 'batch_work_pkey', columns: [table.requestId, table.batch, table.system] }),
    check('batch_work_state_check', oneOf('state', WORK_STATES)),
    check('batch_work_attested_by_check', oneOf('attested_by', ATTESTERS)),
  ],
);

/**
 * Subjects of a batch that a system could not delete, and what prevents it. A row is deleted when the system has deleted
 * the subject. The row of a cancelled subject stays, so that the system leaves it out.
 */
export const blockedSubjects = lethe.table(
  'blocked_subjects',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    seq: integer('seq').notNull(),
    /** The pass that was blocked. In a later pass than the first, rows of the subject are deleted already. */
    pass: integer('pass').notNull(),
    /** A table and a constraint of the system's schema. Null where the system names none. */
    blockingTable: text('blocking_table'),
    blockingConstraint: text('blocking_constraint'),
    /** When the subject was cancelled. Null while it is blocked. */
    cancelledAt: timestamptz('cancelled_at'),
  },
  (table) => [
    primaryKey({ name: 'blocked_subjects_pkey', columns: [table.requestId, table.batch, table.system, table.seq] }),
  ],
);

/** The log of finished ranges of a batch. The receipt is the sum of these rows (rule 13). */
export const systemRanges = lethe.table(
  'system_ranges',
  {
    requestId: text('request_id').notNull(),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    pass: integer('pass').notNull(),
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    /** 0 for a range of subjects. 1, 2, … for the parts of one subject that is deleted in several transactions. */
    part: integer('part').notNull(),
    /** The counts of the range by table, as `TableFigures`. */
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
 * The tickets of ranges that a system has accepted and not finished. They are deleted when the range is finished, and with
 * the identities, as a ticket can name one person's work.
 */
export const rangeTickets = lethe.table(
  'range_tickets',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    batch: integer('batch').notNull(),
    system: text('system').notNull(),
    pass: integer('pass').notNull(),
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    part: integer('part').notNull(),
    ticket: text('ticket').notNull(),
    keptAt: timestamptz('kept_at').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'range_tickets_pkey',
      columns: [
        table.requestId,
        table.batch,
        table.system,
        table.pass,
        table.firstSeq,
        table.lastSeq,
        table.part,
        table.ticket,
      ],
    }),
    // An entry of the index has to fit into a third of a page.
    check('range_tickets_ticket_check', sql`octet_length(ticket) <= 2000`),
  ],
);

/**
 * The number of rows that deletions keep of each subject, per basis, summed over all systems and passes. A subject
 * without retained rows has no row here. An attached subject has the rows of its owner.
 */
export const retainedRows = lethe.table(
  'retained_rows',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    /** The legal basis, from the data map. */
    basis: text('basis').notNull(),
    rows: bigint('rows', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ name: 'retained_rows_pkey', columns: [table.requestId, table.seq, table.basis] })],
);

/**
 * The number of own rows that deletions keep of each subject with replaced values, and the replaced columns, over all
 * systems and passes. A subject whose rows were all deleted has no row here. An attached subject has that of its owner.
 */
export const anonymisedRows = lethe.table(
  'anonymised_rows',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    rows: bigint('rows', { mode: 'number' }).notNull(),
    columns: text('columns').array().notNull(),
  },
  (table) => [primaryKey({ name: 'anonymised_rows_pkey', columns: [table.requestId, table.seq] })],
);

/**
 * The steps that need an operator now. A row is deleted when its cause is resolved; the audit log keeps the history.
 */
export const attention = lethe.table(
  'attention',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    step: text('step', { enum: STEPS }).notNull(),
    /** 0 for steps that do not belong to one batch. */
    batch: integer('batch').notNull().default(0),
    code: text('code', { enum: ATTENTION_CODES }).notNull(),
    since: timestamptz('since').notNull(),
    /** When the step is retried automatically. Null if only an operator can retry it. */
    retryAt: timestamptz('retry_at'),
    /** How often the step was deferred since its last success, or since its system was unavailable. */
    deferrals: integer('deferrals').notNull().default(0),
  },
  (table) => [
    primaryKey({ name: 'attention_pkey', columns: [table.requestId, table.system, table.step, table.batch] }),
    check('attention_step_check', oneOf('step', STEPS)),
  ],
);
