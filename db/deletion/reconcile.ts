import { eq, sql } from 'drizzle-orm';
import { earliest, type RunWindow } from '../../domain/calendar.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { notBackedUp, waitsForBackup } from '../backups/pending.ts';
import type { Database, Transaction } from '../client.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';
import { readByWorkflow } from '../operations/outbox.ts';
import { settleConfirmation } from '../requests/confirmation.ts';
import { readBlockedBy } from '../attention/blocked.ts';
import { UNAVAILABLE_CODES } from '../attention/defer.ts';
import { settleMissingSystems } from '../attention/missing-systems.ts';
import { readAttention } from '../attention/raise.ts';
import { blockedSteps, describeWaits } from '../attention/waits.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { batchWork, systemVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { transferOwnership } from '../subjects/ownership.ts';
import { readPurgeState } from '../subjects/purge.ts';
import { settleSuppressions } from '../suppressions/settle.ts';
import { closeBatches } from './batches.ts';

/**
 * Updates the deletion's rows, stores the wake version as seen, and returns the state by which its workflow decides.
 */
export async function reconcileDeletion(
  database: Database,
  input: { readonly requestId: string; readonly asOf: Date; readonly window: RunWindow } & Configured,
): Promise<DeletionState> {
  const { requestId, asOf, window, configured, withoutSuppression = [], directory } = input;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    const concluded = request.concludedAt !== null;
    const missing = await settleMissingSystems(tx, request, configured, asOf);
    const transferred = concluded ? [] : await settleVisibility(tx, { project, requestId, at: asOf, window });
    const attached = concluded ? [] : await closeBatches(tx, project, requestId, asOf);
    const confirmation = concluded ? null : await settleConfirmation(tx, request, asOf);
    const work = await readOpenWork(tx, requestId, asOf);
    const waiting = await countWaiting(tx, project, requestId, asOf);
    const suppression = await settleSuppressions(tx, request, { configured, withoutSuppression, at: asOf });
    const attention = await attentionOf(tx, requestId, asOf, directory);
    const status =
      concluded || request.resolvedAt === null
        ? request.status
        : (confirmation?.status ?? workStatus(work.states, waiting, request));
    const read = readByWorkflow(request.wakeVersion, asOf);
    await tx
      .update(requests)
      .set({ status, directory, ...read })
      .where(eq(requests.id, requestId));
    if (status !== request.status) await enqueueNotifications(tx, requestId, asOf);
    const needsBackup = !concluded && (await needsNewBackup(tx, request, waiting, attention.hasMissingBackup));
    const canConclude =
      !concluded &&
      waiting.open === 0 &&
      work.states.size === 0 &&
      !attention.blocksConclusion &&
      missing.length === 0 &&
      !suppression.isDue &&
      !suppression.isPending &&
      (request.resolvedAt !== null || request.cancelledAt !== null);
    const hasFinished = !concluded && !canConclude && waiting.open < waiting.subjects;
    const purge = hasFinished ? await readPurgeState(tx, request, { configured, at: asOf }) : null;
    const nextDueAt = earliest([
      waiting.nextAt,
      attention.retryAt,
      confirmation?.until ?? null,
      suppression.nextAt,
      purge?.nextAt ?? null,
    ]);
    return {
      status,
      concluded,
      directory,
      ...(missing.length > 0 ? { missingSystems: missing } : {}),
      needsResolution: request.resolvedAt === null && request.cancelledAt === null && !attention.blocksResolution,
      cancelled: request.cancelledAt !== null,
      ...(confirmation === null ? {} : { confirmation: confirmation.state }),
      // Without the answer of every system, no identity is known to be nowhere.
      unresolved: attention.blocksSearch || missing.length > 0 ? 0 : waiting.unresolved,
      ...(needsBackup ? { needsBackup } : {}),
      ...(waiting.awaitingBackup > 0 ? { awaitingBackup: waiting.awaitingBackup } : {}),
      canConclude,
      ...(purge?.isDue === true ? { needsPurge: true } : {}),
      ...(purge !== null && purge.systems.length > 0 ? { systemsToPurge: purge.systems } : {}),
      claimable: attention.blocksClaim ? 0 : waiting.claimable,
      held: waiting.held,
      open: waiting.open,
      subjects: waiting.subjects,
      systemsToSync: (await readSystemsToSync(tx, requestId, asOf)).filter((name) => !missing.includes(name)),
      ...(suppression.isDue ? { needsSuppression: true } : {}),
      ...(suppression.systems.length > 0 ? { systemsToSuppress: suppression.systems } : {}),
      openBatches: work.runnable.filter(({ system }) => !missing.includes(system)),
      attached: waiting.attached,
      attention: attention.rows,
      ...(await describeWaits(tx, requestId)),
      retryAt: attention.retryAt?.getTime() ?? null,
      nextClaimAt: waiting.nextAt?.getTime() ?? null,
      inGracePeriod: isGracePeriod(request, waiting.nextAt),
      nextDueAt: nextDueAt?.getTime() ?? null,
      requestsToSignal: [...new Set([...transferred, ...attached])],
    };
  });
}

/** What the configuration says about the request's project, for its kind of subject. */
export interface Configured {
  readonly configured: readonly string[];
  /** Those that cannot suppress. */
  readonly withoutSuppression?: readonly string[];
  readonly directory: string;
}

/** Quota, holds and backups move a claim to a later run; expediting moves it to an earlier one. */
const isGracePeriod = ({ expedite, hardDeleteAt }: RequestRow, nextAt: Date | null): boolean =>
  nextAt !== null && expedite === null && hardDeleteAt !== null && nextAt <= hardDeleteAt;

const workStatus = (states: ReadonlySet<string>, { open }: Waiting, { status }: RequestRow): Status => {
  if (['pending', 'deleting', 'attention'].some((state) => states.has(state))) return 'deleting';
  if (states.has('verifying')) return 'verifying';
  // An open subject without open work waits for its run. Without one, only the receipt is left to store.
  if (open > 0) return 'grace';
  return status === 'deleting' ? 'verifying' : status;
};

async function readOpenWork(tx: Transaction, requestId: string, asOf: Date) {
  const rows = await tx.execute<
    Pick<typeof batchWork.$inferSelect, 'system' | 'batch' | 'state' | 'size' | 'retries'> & { runnable: boolean }
  >(sql`
    SELECT system, batch, state, size, retries,
           CASE WHEN state = 'attention' THEN coalesce(is_due, false) ELSE NOT coalesce(is_unavailable AND NOT is_due, false) END AS runnable
    FROM ${batchWork} work
    LEFT JOIN LATERAL (
      SELECT bool_or(coalesce(retry_at <= ${asOf}, false)) AS is_due,
             bool_or(code IS NULL OR code = ANY(${textArray(UNAVAILABLE_CODES)})) AS is_unavailable
      FROM ${blockedSteps} WHERE attention.request_id = work.request_id AND attention.system = work.system
        AND attention.batch = work.batch AND step IN ('delete', 'verify')) failed ON true
    WHERE request_id = ${requestId} AND state IN ('pending', 'deleting', 'verifying', 'attention')
    ORDER BY batch, system`);
  const runnable = rows
    .filter((row) => row.runnable)
    .map(({ system, batch, size, retries }) => ({
      system,
      batch,
      subjects: size,
      ...(retries === 0 ? {} : { retry: retries }),
    }));
  return { runnable, states: new Set(rows.map((row) => row.state)) };
}

type Waiting = Readonly<{
  claimable: number;
  held: number;
  open: number;
  subjects: number;
  unresolved: number;
  awaitingBackup: number;
  attached: number;
  nextAt: Date | null;
}>;

async function countWaiting(tx: Transaction, project: string, requestId: string, asOf: Date): Promise<Waiting> {
  const [row] = await tx.execute<Waiting>(sql`
    WITH held AS MATERIALIZED (${heldSubjects(project, requestId)}),
    subject AS (
      SELECT state, known, present, hard_delete_at, held.seq IS NOT NULL AS held,
             state IN ('resolved', 'soft_deleted', 'scheduled') AND ${waitsForBackup(project)} AS awaiting_backup
      FROM ${subjects} LEFT JOIN held ON held.seq = subjects.seq
      WHERE subjects.request_id = ${requestId})
    SELECT count(*) AS subjects,
           count(*) FILTER (WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'cancelling', 'attached')) AS open,
           count(*) FILTER (WHERE state IN ('proposed', 'resolved') AND NOT known AND present IS NOT TRUE) AS unresolved,
           count(*) FILTER (WHERE held AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')) AS held,
           count(*) FILTER (WHERE state IN ('soft_deleted', 'scheduled') AND NOT held AND NOT awaiting_backup AND hard_delete_at <= ${asOf}) AS claimable,
           count(*) FILTER (WHERE awaiting_backup) AS awaiting_backup,
           count(*) FILTER (WHERE state = 'attached') AS attached,
           min(hard_delete_at) FILTER (WHERE state IN ('resolved', 'soft_deleted', 'scheduled') AND NOT held AND NOT awaiting_backup AND hard_delete_at > ${asOf}) AS next_at
    FROM subject`);
  return (
    row ?? { claimable: 0, held: 0, open: 0, subjects: 0, unresolved: 0, awaitingBackup: 0, attached: 0, nextAt: null }
  );
}

/** Whether an export has to start. Waits until all identities are resolved, so that fewer archives are needed. */
async function needsNewBackup(
  tx: Transaction,
  { id, exportFirst, resolvedAt }: RequestRow,
  { unresolved }: Waiting,
  hasMissingBackup: boolean,
): Promise<boolean> {
  if (!exportFirst || resolvedAt === null || unresolved > 0 || hasMissingBackup) return false;
  const found = await tx.execute<never>(sql`SELECT FROM (${notBackedUp(id)}) not_backed_up LIMIT 1`);
  return found.count > 0;
}

/** Bounds what a workflow stores of an attention. The API lists more. */
const SHOWN_POSITIONS = 10;
const SHOWN_OBSTACLES = 5;

async function attentionOf(tx: Transaction, requestId: string, asOf: Date, directory: string) {
  const { rows, blocking } = await readAttention(tx, requestId, asOf);
  const isBlocked = rows.some(({ code }) => code === 'blocked_by_other_rows');
  const blockedBy = isBlocked ? await readBlockedBy(tx, requestId, SHOWN_POSITIONS) : new Map<string, never>();
  return {
    rows: rows.map(({ system, code }) => {
      const blocked = code === 'blocked_by_other_rows' ? blockedBy.get(system)?.slice(0, SHOWN_OBSTACLES) : undefined;
      return { system, code, ...(blocked === undefined ? {} : { blocked }) };
    }),
    blocksConclusion: blocking.some((row) => row.step === 'conclude'),
    blocksResolution: blocking.some((row) => row.step === 'resolve' && row.system === directory),
    blocksSearch: blocking.some((row) => row.step === 'resolve'),
    blocksClaim: blocking.some((row) => row.step === 'resolve' || row.step === 'inspect'),
    hasMissingBackup: rows.some((row) => row.code === 'backup_missing'),
    // A backup retries in the workflow of the export.
    retryAt: earliest(blocking.map((row) => (row.step === 'backup' ? null : row.retryAt))),
  };
}

/** The systems that have not applied the newest generation and need no operator first (rule 9). */
async function readSystemsToSync(tx: Transaction, requestId: string, asOf: Date): Promise<readonly string[]> {
  const rows = await tx.execute<{ system: string }>(sql`
    SELECT system FROM ${systemVisibility}
    WHERE request_id = ${requestId} AND hides AND skipped_at IS NULL AND EXISTS (
      SELECT FROM ${subjects} WHERE subjects.request_id = ${requestId} AND generation > applied_generation
        AND state IN ('resolved', 'soft_deleted', 'cancelling') AND present)
      AND NOT EXISTS (
        SELECT FROM ${blockedSteps} WHERE attention.request_id = ${requestId} AND attention.system = system_visibility.system
          AND step = 'visibility' AND coalesce(retry_at > ${asOf}, true))
    ORDER BY system`);
  return rows.map((row) => row.system);
}

/**
 * Marks subjects as `soft_deleted`, or `cancelled`, once every system that can hide has applied their generation.
 * From its run on, a subject does not wait for a system that fails to hide it. Subjects of a part deletion become `scheduled`
 * without that. A request that attached to a subject during its
 * restoration becomes its owner. Returns the requests to signal.
 */
async function settleVisibility(
  tx: Transaction,
  input: { readonly project: string; readonly requestId: string; readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { project, requestId, at, window } = input;
  const [counts] = await tx.execute<Record<'hidden' | 'scheduled' | 'restored', number>>(sql`
    WITH applied AS (
      SELECT min(applied_generation) AS generation,
             min(applied_generation) FILTER (WHERE NOT EXISTS (
               SELECT FROM ${blockedSteps} WHERE attention.request_id = ${requestId} AND attention.system = system_visibility.system
                 AND step = 'visibility')) AS reachable
      FROM ${systemVisibility} WHERE request_id = ${requestId} AND hides AND skipped_at IS NULL),
    settled AS (
      UPDATE ${subjects}
      SET state = CASE WHEN state = 'cancelling' THEN 'cancelled' WHEN scope = 'data' THEN 'soft_deleted' ELSE 'scheduled' END
      FROM applied
      WHERE request_id = ${requestId} AND coalesce(subjects.generation <=
              CASE WHEN state = 'resolved' AND hard_delete_at <= ${at} THEN applied.reachable ELSE applied.generation END, true)
        AND ((state = 'resolved' AND present AND hidden = (scope = 'data')) OR state = 'cancelling')
      RETURNING state)
    SELECT count(*) FILTER (WHERE state = 'soft_deleted') AS hidden, count(*) FILTER (WHERE state = 'scheduled') AS scheduled,
           count(*) FILTER (WHERE state = 'cancelled') AS restored FROM settled`);
  const { hidden = 0, scheduled = 0, restored = 0 } = counts ?? {};
  for (const [action, count] of [
    ['subjects.soft_deleted', hidden],
    ['subjects.scheduled', scheduled],
    ['subjects.restored', restored],
  ] as const) {
    if (count > 0) await recordAudit(tx, { at, project, requestId, actor: LETHE, action, detail: { count } });
  }
  return restored === 0 ? [] : transferOwnership(tx, { requestId, at, window });
}
