import { count, eq, sql } from 'drizzle-orm';
import type { Manifest } from '../../domain/archive.ts';
import type { SystemEntry } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { readBackups } from '../backups/read.ts';
import type { Queries } from '../client.ts';
import { readRequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { subjects, submittedIdentities } from '../schema/subjects.ts';
import { manualTasks } from '../schema/tasks.ts';
import { batchWork } from '../schema/work.ts';
import { positionOutcome } from '../subjects/outcome.ts';
import { withRemoved } from '../exports/contents.ts';
import { archives } from '../schema/exports.ts';
import { type SuppressionSummary, summarizeSuppressions } from '../suppressions/settle.ts';
import { type TableReceipt, readTableReceipts } from './table-receipts.ts';

/** The receipt of a deletion. Its counts are sums of the finished ranges (rule 13). It contains no identity. */
export interface Receipt {
  readonly requestId: string;
  readonly kind: 'deletion';
  readonly subjectKind: string;
  readonly project: string;
  readonly regulation: string;
  readonly scope: string;
  readonly status: string;
  /** False for an interim receipt, while subjects are held, wait for their run or are being deleted. */
  readonly final: boolean;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly concludedAt: string | null;
  readonly submitted: number;
  readonly subjects: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly systems: readonly SystemReceipt[];
  /** Exports that the deletion waited for, with their expiry. */
  readonly backups: readonly {
    readonly requestId: string;
    readonly status: string;
    readonly readyAt: string | null;
    readonly expiresAt: string | null;
    readonly subjects: number;
  }[];
  /** The suppressions that the deletion leaves. Null without `suppress`. */
  readonly suppression: SuppressionSummary | null;
  /** Systems that cannot delete only this part of the data, and keep it. */
  readonly notCoveredIn: readonly string[];
  /** Systems that Lethe could not verify by reading their data (rule 15). */
  readonly unverified: readonly {
    readonly system: string;
    readonly level: string;
    readonly saidAt: string | null;
  }[];
  /** What the receipt does not cover. */
  readonly limits: readonly string[];
}
/** The receipt's entry for one system. */
export interface SystemReceipt {
  readonly system: string;
  readonly state: string;
  readonly verifiedAt: string | null;
  /** 0 if the system is verified. Null if its data could not be read. */
  readonly survivors: number | null;
  readonly skipReason: string | null;
  /** Why the system counts as deleted. Null until all of its batches do. */
  readonly proof: Proof | null;
  readonly tables: readonly TableReceipt[];
}
/** What is known about a deletion, and who says it. */
export interface Proof {
  /** The weakest of all batches: Lethe has read, the system or a person has stated it, or neither. */
  readonly level: 'read' | 'attested' | 'person' | 'none';
  /** What Lethe has read and found empty. */
  readonly read: readonly string[];
  /** What only a statement covers. Empty if the statement names no part. */
  readonly attested: readonly string[];
  /** When the last statement was made. Null without one. */
  readonly saidAt: string | null;
  /** Ids of the members who made it. Empty unless the level is `person`. */
  readonly saidBy: readonly string[];
}

const LIMITS = [
  'Deleted and cleared values remain in database files until VACUUM and page reuse, and in write-ahead logs and backups until those expire.',
  'Data that a system collects after the last verification is not covered. A suppression asks the system not to collect it.',
] as const;

/**
 * Returns the stored receipt of a deletion, or an interim receipt from the first claim on. For an export, returns the
 * manifest of its archive, which outlives the archive and describes it as it was packaged. Throws `no_receipt_yet`.
 */
export async function readReceipt(
  queries: Queries,
  requestId: string,
  systems: readonly SystemEntry[] = [],
): Promise<Receipt | Manifest> {
  const [row] = await queries.execute<{
    receipt: Receipt | Manifest | null;
    hasBatches: boolean;
    removedSubjects: number | null;
  }>(sql`
    SELECT receipt, EXISTS (SELECT FROM ${batchWork} WHERE request_id = requests.id) AS has_batches, removed_subjects
    FROM ${requests} LEFT JOIN ${archives} ON archives.request_id = requests.id WHERE requests.id = ${requestId}`);
  if (row === undefined)
    throw new DomainError(
      'request_not_found',
      'The project has no request with this id. Nothing was changed; check the id.',
    );
  if (row.receipt?.kind === 'export') return withRemoved(row.receipt, row.removedSubjects ?? 0);
  if (row.receipt !== null) return row.receipt;
  if (!row.hasBatches)
    throw new DomainError(
      'no_receipt_yet',
      'The request has no claimed subject and no ready archive yet. Retry later; `status` shows its progress.',
    );
  return buildReceipt(queries, requestId, systems);
}

/** `systems` are those of the project. They name the copies that a deletion does not reach. */
export async function buildReceipt(
  queries: Queries,
  requestId: string,
  systems: readonly SystemEntry[] = [],
): Promise<Receipt> {
  const request = await readRequestRow(queries, requestId);
  const [ends, outcomes, work, tables, backups, suppression] = await Promise.all([
    queries
      .select({ name: subjects.state, count: count() })
      .from(subjects)
      .where(eq(subjects.requestId, requestId))
      .groupBy(subjects.state)
      .orderBy(subjects.state),
    queries.execute<{ name: string; count: number }>(sql`
      SELECT coalesce(${positionOutcome({ requestId, project: request.project })}, 'received') AS name, count(*)
      FROM ${submittedIdentities} entry WHERE request_id = ${requestId} GROUP BY 1 ORDER BY 1`),
    readWork(queries, requestId),
    readTableReceipts(queries, requestId),
    readBackups(queries, requestId),
    summarizeSuppressions(queries, request),
  ]);
  return {
    requestId,
    kind: 'deletion',
    subjectKind: request.subjectKind,
    project: request.project,
    regulation: request.regulation,
    scope: request.scope,
    status: request.status,
    final: request.concludedAt !== null,
    receivedAt: request.receivedAt.toISOString(),
    dueAt: request.dueAt.toISOString(),
    concludedAt: request.concludedAt?.toISOString() ?? null,
    submitted: request.submitted,
    subjects: counts(ends),
    outcomes: counts(outcomes),
    systems: work.map(({ system, state, verifiedAt, survivors, skipReason, ...proven }) => ({
      system,
      state,
      verifiedAt: verifiedAt?.toISOString() ?? null,
      survivors: state === 'verified' ? 0 : survivors,
      skipReason,
      proof: proofOf({ state, ...proven }),
      tables: tables.get(system) ?? [],
    })),
    backups: backups.map((backup) => ({
      ...backup,
      readyAt: backup.readyAt?.toISOString() ?? null,
      expiresAt: backup.expiresAt?.toISOString() ?? null,
    })),
    suppression,
    notCoveredIn: systems
      .filter(({ kinds, scopes }) => kinds.includes(request.subjectKind) && !scopes.includes(request.scope))
      .map(({ name }) => name),
    unverified: work
      .filter(({ state }) => state === 'attested' || state === 'unverified')
      .map(({ system, verifiedAt, ...proven }) => ({
        system,
        level: proofOf(proven)?.level ?? 'none',
        saidAt: verifiedAt?.toISOString() ?? null,
      })),
    limits: [...LIMITS, ...copyLimits(systems.filter(({ name }) => work.some(({ system }) => system === name)))],
  };
}

const copyLimits = (systems: readonly SystemEntry[]): string[] =>
  systems.flatMap(({ name, copies = [] }) =>
    copies.length === 0
      ? []
      : [`These copies in the system ${name} hold deleted rows until they are refreshed: ${copies.join(', ')}.`],
  );

const counts = (rows: readonly { readonly name: string; readonly count: number }[]): Record<string, number> =>
  Object.fromEntries(rows.map(({ name, count }) => [name, count]));

type WorkRow = Readonly<
  Pick<typeof batchWork.$inferSelect, 'system' | 'state' | 'verifiedAt' | 'survivors' | 'skipReason'> & {
    byPerson: boolean;
    read: readonly string[];
    attested: readonly string[];
    attestedAt: Date | null;
    saidBy: readonly string[];
  }
>;

const LEVELS = { verified: 'read', attested: 'attested', unverified: 'none' } as const;

function proofOf({
  state,
  byPerson,
  read,
  attested,
  attestedAt,
  saidBy,
}: Pick<WorkRow, 'state' | 'byPerson' | 'read' | 'attested' | 'attestedAt' | 'saidBy'>): Proof | null {
  if (state !== 'verified' && state !== 'attested' && state !== 'unverified') return null;
  const level = state === 'attested' && byPerson ? 'person' : LEVELS[state];
  return { level, read, attested, saidAt: attestedAt?.toISOString() ?? null, saidBy };
}

/** Reads the state of each system, which is that of its least advanced batch, and the time of its last verification. */
const readWork = (queries: Queries, requestId: string): Promise<readonly WorkRow[]> =>
  queries.execute<WorkRow>(sql`
    SELECT system, skip_reason, (array_agg(state ORDER BY array_position(
             ARRAY['skipped', 'attention', 'pending', 'deleting', 'verifying', 'unverified', 'attested', 'verified'], state)))[1] AS state,
           max(verified_at) AS verified_at, sum(survivors) AS survivors, max(attested_at) AS attested_at,
           coalesce(bool_or(attested_by = 'person'), false) AS by_person, ${namesIn('read_tables')} AS read,
           ${namesIn('attested_tables')} AS attested,
           ARRAY(SELECT DISTINCT answered_by FROM ${manualTasks} task
                 WHERE task.request_id = ${requestId} AND task.system = batch_work.system AND cardinality(not_possible) < cardinality(seqs)
                   AND answered_by IS NOT NULL ORDER BY 1) AS said_by
    FROM ${batchWork} WHERE request_id = ${requestId} GROUP BY system, skip_reason ORDER BY system`);

/** The names in a column of all batches of a group, each once. */
const namesIn = (column: 'read_tables' | 'attested_tables') => sql`
  ARRAY(SELECT DISTINCT name FROM jsonb_array_elements(jsonb_agg(to_jsonb(${sql.raw(column)}))) AS names (list),
          jsonb_array_elements_text(list) AS name ORDER BY name)`;
