import { DomainError } from '../../domain/errors.ts';
import type { AttentionCode, Step } from '../../domain/vocabulary.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import { mirrorAttention, retryBackups } from '../backups/attention.ts';
import type { Database, Fragment, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';

export interface Retry {
  readonly requestId: string;
  /** Null: whichever need an operator. */
  readonly processor: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** An operator says that the reason has gone: everything that waited for one is tried again. */
export async function retryProcessors(
  database: Database,
  retry: Retry,
): Promise<{ readonly processors: readonly string[]; readonly wake: readonly string[] }> {
  const { requestId, processor, reason, actor, at } = retry;
  return withRequest(database, requestId, async (tx, { project, backupOf }) => {
    const exports = await retryBackups(tx, requestId, processor);
    const ended = await endAttention(tx, requestId, processor === null ? tx`true` : tx`processor = ${processor}`);
    if (backupOf !== null) await mirrorAttention(tx, backupOf, at);
    const processors = [...new Set(ended.map((row) => row.processor))].toSorted();
    // More people than were first found: having seen it, the operator says that they are meant.
    if (ended.some((row) => row.code === 'resolution_grew')) {
      await tx`UPDATE lethe.requests SET growth_accepted = true WHERE id = ${requestId}`;
    }
    await tx`UPDATE lethe.batch_work SET state = 'pending'
      WHERE request_id = ${requestId} AND processor = ANY(${processors as string[]}::text[]) AND state = 'attention'`;
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
 * The request ends without this processor: what remains there is forgotten by Lethe, and the receipt says so (rule 14).
 * What it finished before stays finished. Nothing is left out of what is exported before a deletion.
 */
export async function skipProcessor(
  database: Database,
  skip: Retry & { readonly processor: string },
): Promise<{ readonly wake: readonly string[] }> {
  const { requestId, processor, reason, actor, at } = skip;
  return withRequest(database, requestId, async (tx, request) => {
    const { project } = request;
    await refuseExports(tx, request, processor);
    await endAttention(tx, requestId, tx`processor = ${processor} AND step <> 'backup'`);
    const known = await tx`UPDATE lethe.processor_visibility
      SET skipped_at = coalesce(skipped_at, ${at}), skip_reason = coalesce(skip_reason, ${reason}), skipped_by = coalesce(skipped_by, ${actor})
      WHERE request_id = ${requestId} AND processor = ${processor}`;
    if (known.count === 0) {
      throw new DomainError(
        'not_in_attention',
        'before a request is resolved no processor can be skipped: retry, or cancel it',
      );
    }
    const batches =
      await tx`UPDATE lethe.batch_work SET state = 'skipped', skip_reason = ${reason}, skipped_by = ${actor}
      WHERE request_id = ${requestId} AND processor = ${processor} AND state IN ('pending', 'deleting', 'verifying', 'attention')`;
    const detail = { processor, reason, batches: batches.count };
    await recordAudit(tx, { at, project, requestId, actor, action: 'processor.skipped', detail });
    await raiseWake(tx, [requestId]);
    return { wake: [requestId] };
  });
}

/** An archive with a part missing would be taken for all that there was. */
async function refuseExports(tx: Transaction, { id, kind }: RequestRow, processor: string): Promise<void> {
  const steps = await tx<{ step: Step }[]>`
    SELECT step FROM lethe.attention WHERE request_id = ${id} AND processor = ${processor}`;
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

interface Ended {
  readonly processor: string;
  readonly code: AttentionCode;
}

/** Throws unless there was something to end. */
async function endAttention(tx: Transaction, requestId: string, named: Fragment): Promise<readonly Ended[]> {
  const ended = await tx<Ended[]>`
    DELETE FROM lethe.attention
    WHERE request_id = ${requestId} AND ${named} RETURNING processor, code`;
  if (ended.length === 0) throw new DomainError('not_in_attention', 'nothing that was named waits for an operator');
  return ended;
}
