import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Step } from '../../domain/vocabulary.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import { copyBackupAttention, retryBackups } from '../backups/attention.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { waits } from '../schema/systems.ts';
import { attention, batchWork, blockedSubjects, systemVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { closeTasks, reopenTasks } from '../tasks/answer.ts';

/** An operator's decision about the systems of a request that need attention. */
export interface Retry {
  readonly requestId: string;
  /** Null for all systems that need an operator. */
  readonly system: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/**
 * Tries every step again that needs an operator or waits. Throws `not_in_attention` if no step does. `stopped`: the systems
 * to probe, because no step calls them now.
 */
export async function retrySystems(
  database: Database,
  retry: Retry,
): Promise<{
  readonly systems: readonly string[];
  readonly stopped: readonly string[];
  readonly wake: readonly string[];
}> {
  const { requestId, system, reason, actor, at } = retry;
  return withRequest(database, requestId, async (tx, { project, backupOf }) => {
    const backups = await retryBackups(tx, requestId, system);
    const { systems, stopped, hasGrown } = await endAttention(tx, requestId, { system });
    if (backupOf !== null) await copyBackupAttention(tx, backupOf, at);
    // By retrying, the operator accepts the added subjects.
    if (hasGrown) {
      await tx.update(requests).set({ growthAccepted: true }).where(eq(requests.id, requestId));
    }
    await retryBatches(tx, requestId, systems);
    await reopenTasks(tx, { requestId, systems, actor, at });
    for (const name of systems) {
      const detail = { system: name, reason };
      await recordAudit(tx, { at, project, requestId, actor, action: 'system.retried', detail });
    }
    const wake = [requestId, ...backups];
    await raiseWake(tx, wake);
    return { systems, stopped, wake };
  });
}

/** Retries blocked subjects also while the others are verified. A result of a running attempt is then ignored. */
async function retryBatches(tx: Transaction, requestId: string, systems: readonly string[]): Promise<void> {
  await tx.execute(sql`
    WITH work AS (
      SELECT batch, system, state, EXISTS (
        SELECT FROM ${blockedSubjects} blocked WHERE blocked.request_id = ${requestId} AND blocked.batch = batch_work.batch
          AND blocked.system = batch_work.system AND cancelled_at IS NULL) AS is_blocked
      FROM ${batchWork} WHERE request_id = ${requestId} AND system = ANY(${textArray(systems)}) FOR UPDATE)
    UPDATE ${batchWork} SET state = 'pending', due_at = NULL, retries = retries + is_blocked::integer,
      attempt = CASE WHEN attempt IS NOT NULL THEN 'replaced' END
    FROM work
    WHERE request_id = ${requestId} AND batch_work.batch = work.batch AND batch_work.system = work.system
      AND (work.state = 'attention' OR (is_blocked AND work.state IN ('deleting', 'verifying')))`);
}

/**
 * Lets the request end without this system. Lethe stops tracking what remains there, and the receipt says so (rule 14).
 * Batches that the system has finished stay finished. Throws `wrong_kind` for exports and backups.
 */
export async function skipSystem(
  database: Database,
  skip: Retry & { readonly system: string },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, system, reason, actor, at } = skip;
  return withRequest(database, requestId, async (tx, request) => {
    const { project } = request;
    await refuseExports(tx, request, system);
    const closed = await closeTasks(tx, { requestId, system }, at);
    await endAttention(tx, requestId, { system, exceptStep: 'backup', isOpen: closed > 0 });
    const known = await tx
      .update(systemVisibility)
      .set({
        skippedAt: sql`coalesce(${systemVisibility.skippedAt}, ${at})`,
        skipReason: sql`coalesce(${systemVisibility.skipReason}, ${reason})`,
        skippedBy: sql`coalesce(${systemVisibility.skippedBy}, ${actor})`,
      })
      .where(and(eq(systemVisibility.requestId, requestId), eq(systemVisibility.system, system)));
    if (known.count === 0) {
      throw new DomainError(
        'not_in_attention',
        'No system can be skipped before the request is resolved. Nothing was changed; retry the system, or cancel the request.',
      );
    }
    const batches = await tx
      .update(batchWork)
      .set({ state: 'skipped', skipReason: reason, skippedBy: actor })
      .where(
        and(
          eq(batchWork.requestId, requestId),
          eq(batchWork.system, system),
          inArray(batchWork.state, ['pending', 'deleting', 'verifying', 'attention']),
        ),
      );
    const detail = { system, reason, batches: batches.count };
    await recordAudit(tx, { at, project, requestId, actor, action: 'system.skipped', detail });
    await raiseWake(tx, [requestId]);
    return { wake: [requestId] };
  });
}

/** Throws `wrong_kind` for exports and backups: an archive without one system would look complete. */
async function refuseExports(tx: Transaction, { id, kind }: RequestRow, system: string): Promise<void> {
  const steps = await tx
    .select({ step: attention.step })
    .from(attention)
    .where(and(eq(attention.requestId, id), eq(attention.system, system)));
  const isOnlyBackup = steps.length > 0 && steps.every(({ step }) => step === 'backup');
  if (kind === 'export' || isOnlyBackup)
    throw new DomainError(
      'wrong_kind',
      'Systems cannot be skipped in an export. Nothing was changed; retry the system, or cancel the export.',
    );
}

async function withRequest<T>(
  database: Database,
  requestId: string,
  work: (tx: Transaction, request: RequestRow) => Promise<T>,
): Promise<T> {
  const request = await readRequestRow(database, requestId);
  return withProjectLock(database, request.project, (tx) => work(tx, request));
}

/**
 * Clears the attention and the waits of one system, or of all. Throws `not_in_attention` if no row matches, unless the
 * system waits for a person (`isOpen`).
 */
async function endAttention(
  tx: Transaction,
  requestId: string,
  {
    system,
    exceptStep,
    isOpen = false,
  }: { readonly system: string | null; readonly exceptStep?: Step; readonly isOpen?: boolean },
) {
  const ofRequest = (table: typeof attention | typeof waits) =>
    and(
      eq(table.requestId, requestId),
      system === null ? undefined : eq(table.system, system),
      exceptStep === undefined ? undefined : ne(table.step, exceptStep),
    );
  const continued = await tx
    .delete(waits)
    .where(ofRequest(waits))
    .returning({ system: waits.system, stopped: waits.stopped });
  const ended = await tx
    .delete(attention)
    .where(ofRequest(attention))
    .returning({ system: attention.system, code: attention.code });
  if (ended.length + continued.length === 0 && !isOpen)
    throw new DomainError(
      'not_in_attention',
      'No open attention entry matches. Nothing was changed; see `attention` in the request.',
    );
  return {
    systems: [...new Set([...ended, ...continued].map((row) => row.system))].toSorted(),
    stopped: [...new Set(continued.flatMap(({ stopped }) => (stopped === null ? [] : [stopped])))],
    hasGrown: ended.some(({ code }) => code === 'resolution_grew'),
  };
}
