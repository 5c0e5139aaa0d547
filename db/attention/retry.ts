import { and, eq, inArray, ne, type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import { copyBackupAttention, retryBackups } from '../backups/attention.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { attention, batchWork, systemVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';

export interface Retry {
  readonly requestId: string;
  /** Null: all that need an operator. */
  readonly system: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** An operator has removed the reason: every step that waited for one is retried. */
export async function retrySystems(
  database: Database,
  retry: Retry,
): Promise<{ readonly systems: readonly string[]; readonly wake: readonly string[] }> {
  const { requestId, system, reason, actor, at } = retry;
  return withRequest(database, requestId, async (tx, { project, backupOf }) => {
    const exports = await retryBackups(tx, requestId, system);
    const ended = await endAttention(tx, requestId, system === null ? undefined : eq(attention.system, system));
    if (backupOf !== null) await copyBackupAttention(tx, backupOf, at);
    const systems = [...new Set(ended.map((row) => row.system))].toSorted();
    // More subjects than were found at first: the operator has seen it and accepts them.
    if (ended.some((row) => row.code === 'resolution_grew')) {
      await tx.update(requests).set({ growthAccepted: true }).where(eq(requests.id, requestId));
    }
    await tx
      .update(batchWork)
      .set({ state: 'pending' })
      .where(
        and(
          eq(batchWork.requestId, requestId),
          sql`${batchWork.system} = ANY(${textArray(systems)})`,
          eq(batchWork.state, 'attention'),
        ),
      );
    for (const name of systems) {
      const detail = { system: name, reason };
      await recordAudit(tx, { at, project, requestId, actor, action: 'system.retried', detail });
    }
    const wake = [requestId, ...exports];
    await raiseWake(tx, wake);
    return { systems, wake };
  });
}

/**
 * The request ends without this system: Lethe stops tracking what remains there, and the receipt says so (rule 14).
 * What it finished before stays finished. Exports are refused, backups too.
 */
export async function skipSystem(
  database: Database,
  skip: Retry & { readonly system: string },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, system, reason, actor, at } = skip;
  return withRequest(database, requestId, async (tx, request) => {
    const { project } = request;
    await refuseExports(tx, request, system);
    await endAttention(tx, requestId, and(eq(attention.system, system), ne(attention.step, 'backup')));
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
        'before a request is resolved no system can be skipped: retry, or cancel it',
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

/** An archive without one system would look like everything that is held. */
async function refuseExports(tx: Transaction, { id, kind }: RequestRow, system: string): Promise<void> {
  const steps = await tx
    .select({ step: attention.step })
    .from(attention)
    .where(and(eq(attention.requestId, id), eq(attention.system, system)));
  const backup = steps.length > 0 && steps.every(({ step }) => step === 'backup');
  if (kind === 'export' || backup) throw new DomainError('wrong_kind', 'no export leaves a system out');
}

async function withRequest<T>(
  database: Database,
  requestId: string,
  work: (tx: Transaction, request: RequestRow) => Promise<T>,
): Promise<T> {
  const request = await readRequestRow(database, requestId);
  return withProjectLock(database, request.project, (tx) => work(tx, request));
}

/** Throws `not_in_attention` if there is nothing to end. */
async function endAttention(tx: Transaction, requestId: string, condition: SQL | undefined) {
  const ended = await tx
    .delete(attention)
    .where(and(eq(attention.requestId, requestId), condition))
    .returning({ system: attention.system, code: attention.code });
  if (ended.length === 0) throw new DomainError('not_in_attention', 'nothing that was named waits for an operator');
  return ended;
}
