import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  index,
  integer,
  json,
  jsonb,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';
import {
  DELETION_STATUSES,
  TERMINAL_STATUSES,
  EXPEDITES,
  EXPORT_FORMATS,
  EXPORT_STATUSES,
  ON_CONFLICT,
  REQUEST_KINDS,
  SCOPES,
  SELECTIONS,
  SHARED_STATUSES,
  STATUSES,
  SUBJECT_KINDS,
} from '../../domain/vocabulary.ts';
import { dispatchAt, lethe, literals, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';

/** Requests: deletions and exports. Each row has one Temporal workflow. */
export const requests = lethe.table(
  'requests',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    kind: text('kind', { enum: REQUEST_KINDS }).notNull(),
    subjectKind: text('subject_kind', { enum: SUBJECT_KINDS }).notNull(),
    regulation: text('regulation').notNull(),
    scope: text('scope', { enum: SCOPES }).notNull(),
    selection: text('selection', { enum: SELECTIONS }).notNull(),
    /** The name of the segment. Null for other selections. */
    segment: text('segment'),
    /** Whether the deletion leaves a suppression of its identities. */
    suppress: boolean('suppress').notNull(),
    onConflict: text('on_conflict', { enum: ON_CONFLICT }).notNull(),
    /** Null if the subjects wait until the end of the grace period. */
    expedite: text('expedite', { enum: EXPEDITES }),
    expediteReason: text('expedite_reason'),
    /** The id of the member, or `lethe` for an export that a deletion waits for. */
    submittedBy: text('submitted_by').notNull(),
    /** The number of submitted identities. For a segment or everyone, 0 until the request is resolved. */
    submitted: integer('submitted').notNull(),
    status: text('status', { enum: STATUSES }).notNull().default('received'),
    receivedAt: timestamptz('received_at').notNull(),
    /** The deadline of the regulation. */
    dueAt: timestamptz('due_at').notNull(),
    /** The first run that may claim its subjects. Null for exports. */
    hardDeleteAt: timestamptz('hard_delete_at'),
    estimatedCompletionAt: timestamptz('estimated_completion_at').notNull(),
    /** Set when the whole request is cancelled before it is resolved. */
    cancelledAt: timestamptz('cancelled_at'),
    /** Why the request failed, as a code. A failed request has hidden and deleted nothing. */
    failure: text('failure'),
    /** When the request was first resolved. Null until then. */
    resolvedAt: timestamptz('resolved_at'),
    /** When the request ended and its identities were purged. Null while it is open. */
    concludedAt: timestamptz('concluded_at'),
    /** The data map hash of each system, pinned when the request is resolved (rule 5). Null until then. */
    systems: jsonb('systems').$type<Readonly<Record<string, string>>>(),
    /** The directory that the workflow uses. Null until the workflow has started. */
    directory: text('directory'),
    /** An operator has accepted that more subjects were added than `policy.growth` allows. */
    growthAccepted: boolean('growth_accepted').notNull().default(false),
    /** Incremented by every change that the workflow has to read (rule 2). */
    wakeVersion: bigint('wake_version', { mode: 'number' }).notNull().default(0),
    /** The `wake_version` that the workflow last read. */
    wakeSeen: bigint('wake_seen', { mode: 'number' }).notNull().default(0),
    /** When Temporal first confirmed that the workflow is started. Null until then. */
    startedAt: timestamptz('started_at'),
    /**
     * When the dispatcher starts or signals the workflow, unless the process that changed the row has done so. By the
     * clock of the ledger, as a lease. Null if the workflow knows of the latest change.
     */
    dispatchAt: dispatchAt(),
    /** When the workflow last reconciled the request, or housekeeping last checked it. */
    attendedAt: timestamptz('attended_at').notNull(),
    /** The final receipt. Null until then. json, not jsonb, so that the evidence keeps its field order. */
    receipt: json('receipt').$type<unknown>(),
    /** Whether a member has to confirm the count before subjects are hidden. */
    confirm: boolean('confirm').notNull().default(false),
    /** When the confirmation expires, which cancels all subjects. Null until every system has counted. */
    confirmBy: timestamptz('confirm_by'),
    confirmedAt: timestamptz('confirmed_at'),
    confirmedBy: text('confirmed_by'),
    /** The number of subjects that the member confirmed. */
    confirmedCount: integer('confirmed_count'),
    /** The file format of the export. Null for deletions. */
    format: text('format', { enum: EXPORT_FORMATS }),
    /** The email address of a colleague to notify. Null without a notification, and when the request has ended. */
    notify: text('notify'),
    /** For deletions: whether only subjects in a ready archive are claimed (rule 18). */
    exportFirst: boolean('export_first').notNull().default(false),
    /** For exports: the deletion that waits for this archive. Null for all other requests. */
    backupOf: text('backup_of').references((): AnyPgColumn => requests.id),
    /**
     * For exports: incremented when the subjects of the archive change. Earlier collections are not packaged (rule 17).
     */
    epoch: integer('epoch').notNull().default(1),
  },
  (table) => [
    check('requests_kind_check', oneOf('kind', REQUEST_KINDS)),
    check('requests_subject_kind_check', oneOf('subject_kind', SUBJECT_KINDS)),
    check('requests_scope_check', oneOf('scope', SCOPES)),
    check('requests_selection_check', oneOf('selection', SELECTIONS)),
    check('requests_on_conflict_check', oneOf('on_conflict', ON_CONFLICT)),
    check('requests_expedite_check', oneOf('expedite', EXPEDITES)),
    check('requests_format_check', oneOf('format', EXPORT_FORMATS)),
    check(
      'requests_status_check',
      sql.raw(
        `status IN (${literals(SHARED_STATUSES)}) OR (kind = 'deletion' AND status IN (${literals(DELETION_STATUSES)})) OR (kind = 'export' AND status IN (${literals(EXPORT_STATUSES)}))`,
      ),
    ),
    check('requests_segment_check', sql`(selection = 'segment') = (segment IS NOT NULL)`),
    check('requests_failure_check', sql`(status = 'failed') = (failure IS NOT NULL)`),
    check('requests_expedite_reason_check', sql`(expedite IS NULL) = (expedite_reason IS NULL)`),
    // An export expires when its key is destroyed, and is concluded later, when its objects are deleted.
    check(
      'requests_concluded_check',
      sql.raw(
        `status = 'expired' OR (status IN (${literals(TERMINAL_STATUSES.filter((status) => status !== 'expired'))})) = (concluded_at IS NOT NULL)`,
      ),
    ),
    check(
      'requests_awaiting_confirmation_check',
      sql`status <> 'awaiting_confirmation' OR (confirm_by IS NOT NULL AND confirmed_at IS NULL)`,
    ),
    check('requests_confirm_by_check', sql`confirm OR confirm_by IS NULL`),
    check('requests_confirmed_in_time_check', sql`confirmed_at < confirm_by`),
    check('requests_confirmed_check', sql`num_nonnulls(confirmed_at, confirmed_by, confirmed_count) IN (0, 3)`),
    check('requests_hard_delete_at_check', sql`(kind = 'deletion') = (hard_delete_at IS NOT NULL)`),
    check('requests_export_format_check', sql`(kind = 'export') = (format IS NOT NULL)`),
    check(
      'requests_deletion_only_check',
      sql`kind = 'deletion' OR NOT (suppress OR confirm OR export_first OR expedite IS NOT NULL)`,
    ),
    check('requests_backup_of_check', sql`kind = 'export' OR backup_of IS NULL`),
    check('requests_suppress_check', sql`scope = 'data' OR NOT suppress`),
    // ORDER BY … DESC implies NULLS FIRST. With drizzle's default, NULLS LAST, no list can use these indexes.
    index('requests_of_project').on(table.project, table.receivedAt.desc().nullsFirst(), table.id.desc().nullsFirst()),
    index('requests_by_status').on(
      table.project,
      table.status,
      table.receivedAt.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('requests_by_regulation').on(
      table.project,
      table.regulation,
      table.receivedAt.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    index('requests_by_member').on(
      table.project,
      table.submittedBy,
      table.receivedAt.desc().nullsFirst(),
      table.id.desc().nullsFirst(),
    ),
    // For lists of requests at risk, which are always open.
    index('requests_open_of_project')
      .on(table.project, table.receivedAt.desc().nullsFirst(), table.id.desc().nullsFirst())
      .where(sql`concluded_at IS NULL`),
    // The identities of these requests are compared by value, under the project lock.
    index('requests_unresolved')
      .on(table.project)
      .where(sql`resolved_at IS NULL AND concluded_at IS NULL`),
    index('requests_open')
      .on(table.attendedAt)
      .where(sql`concluded_at IS NULL`),
    index('requests_to_dispatch')
      .on(table.dispatchAt)
      .where(sql`dispatch_at IS NOT NULL`),
    index('requests_backups')
      .on(table.backupOf)
      .where(sql`backup_of IS NOT NULL`),
    index('requests_export_first')
      .on(table.project)
      .where(sql`export_first AND concluded_at IS NULL`),
    index('requests_open_exports')
      .on(table.project)
      .where(sql`kind = 'export' AND concluded_at IS NULL`),
  ],
);

/** The dry run's counts: the rows of each system on the proposed subjects, by table. */
export const requestCounts = lethe.table(
  'request_counts',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    /** Null if the system cannot count. */
    tables: jsonb('tables').$type<readonly { readonly table: string; readonly rows: number }[]>(),
  },
  (table) => [primaryKey({ name: 'request_counts_pkey', columns: [table.requestId, table.system] })],
);
