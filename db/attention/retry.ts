import { and, eq, inArray, ne, type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import { copyBackupAttention, retryBackups } from '../backups/attention.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { attention, batchWork, processorVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';

export interface Retry {
  readonly requestId: string;
  /** Null: all that need an operator. */
  readonly processor: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** An operator has removed the reason: every step that waited for one is retried. */
export async function retryProcessors(
  database: Database,
  retry: Retry,
): Promise<{ readonly processors: readonly string[]; readonly wake: readonly string[] }> {
  const { requestId, processor, reason, actor, at } = retry;
  return withRequest(database, requestId, async (tx, { project, backupOf }) => {
    const exports = await retryBackups(tx, requestId, processor);
    const ended = await endAttention(
      tx,
      requestId,
      processor === null ? undefined : eq(attention.processor, processor),
    );
    if (backupOf !== null) await copyBackupAttention(tx, backupOf, at);
    const processors = [...new Set(ended.map((row) => row.processor))].toSorted();
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
          sql`${batchWork.processor} = ANY(${textArray(processors)})`,
          eq(batchWork.state, 'attention'),
        ),
      );
    for (const name of processors) {
      const detail = { processor: name, reason };
      await recordAudit(tx, { at, project, requestId, actor, action: 'processor.retried', detail });
    }
    const wake = [requestId, ...exports];
    await raiseWake(tx, wake);
    return { processors, wake };
  });
}

/**
 * The request ends without this processor: Lethe stops tracking what remains there, and the receipt says so (rule 14).
 * What it finished before stays finished. Exports are refused, backups too.
 */
export async function skipProcessor(
  database: Database,
  skip: Retry & { readonly processor: string },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, processor, reason, actor, at } = skip;
  return withRequest(database, requestId, async (tx, request) => {
    const { project } = request;
    await refuseExports(tx, request, processor);
    await endAttention(tx, requestId, and(eq(attention.processor, processor), ne(attention.step, 'backup')));
    const known = await tx
      .update(processorVisibility)
      .set({
        skippedAt: sql`coalesce(${processorVisibility.skippedAt}, ${at})`,
        skipReason: sql`coalesce(${processorVisibility.skipReason}, ${reason})`,
        skippedBy: sql`coalesce(${processorVisibility.skippedBy}, ${actor})`,
      })
      .where(and(eq(processorVisibility.requestId, requestId), eq(processorVisibility.processor, processor)));
    if (known.count === 0) {
      throw new DomainError(
        'not_in_attention',
        'before a request is resolved no processor can be skipped: retry, or cancel it',
      );
    }
    const batches = await tx
      .update(batchWork)
      .set({ state: 'skipped', skipReason: reason, skippedBy: actor })
      .where(
        and(
          eq(batchWork.requestId, requestId),
          eq(batchWork.processor, processor),
          inArray(batchWork.state, ['pending', 'deleting', 'verifying', 'attention']),
        ),
      );
    const detail = { processor, reason, batches: batches.count };
    await recordAudit(tx, { at, project, requestId, actor, action: 'processor.skipped', detail });
    await raiseWake(tx, [requestId]);
    return { wake: [requestId] };
  });
}

/** An archive without one processor would look like everything that is held. */
async function refuseExports(tx: Transaction, { id, kind }: RequestRow, processor: string): Promise<void> {
  const steps = await tx
    .select({ step: attention.step })
    .from(attention)
    .where(and(eq(attention.requestId, id), eq(attention.processor, processor)));
  const backup = steps.length > 0 && steps.every(({ step }) => step === 'backup');
  if (kind === 'export' || backup) throw new DomainError('wrong_kind', 'no export leaves a processor out');
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
    .returning({ processor: attention.processor, code: attention.code });
  if (ended.length === 0) throw new DomainError('not_in_attention', 'nothing that was named waits for an operator');
  return ended;
}
