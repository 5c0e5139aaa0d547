import type { AttentionKey } from '../../domain/step-keys.ts';
import type { AttentionCode } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { mirrorAttention } from '../backups/attention.ts';
import type { Database, Transaction } from '../client.ts';
import { transaction } from '../transaction.ts';

/**
 * Says that an operator is needed, since when and why; saying it again keeps the first instant. Of a backup, its deletion
 * says so too.
 */
export async function raiseAttention(
  tx: Transaction,
  key: AttentionKey,
  { code, at, retryAt }: { readonly code: AttentionCode; readonly at: Date; readonly retryAt: Date | null },
): Promise<void> {
  const { project, requestId, processor, step, batch } = key;
  const [raised] = await tx<{ fresh: boolean; backupOf: string | null }[]>`
    INSERT INTO lethe.attention (request_id, processor, step, batch, code, since, retry_at)
    VALUES (${requestId}, ${processor}, ${step}, ${batch}, ${code}, ${at}, ${retryAt})
    ON CONFLICT (request_id, processor, step, batch) DO UPDATE SET code = excluded.code, retry_at = excluded.retry_at
    RETURNING (xmax = 0) AS fresh, (SELECT backup_of FROM lethe.requests WHERE id = request_id)`;
  if (raised === undefined) return;
  if (raised.backupOf !== null) await mirrorAttention(tx, raised.backupOf, at);
  if (!raised.fresh) return;
  await recordAudit(tx, {
    at,
    project,
    requestId,
    actor: LETHE,
    action: 'attention.raised',
    detail: { processor, step, batch, code },
  });
}

/** The reason has gone. `only`: where another reason may stand in the same place, and stays. */
export async function clearAttention(
  database: Database,
  key: AttentionKey,
  at: Date,
  only: AttentionCode | null = null,
): Promise<void> {
  const { project, requestId, processor, step, batch } = key;
  await transaction(database, async (tx) => {
    const [cleared] = await tx<{ backupOf: string | null }[]>`DELETE FROM lethe.attention
      WHERE request_id = ${requestId} AND processor = ${processor} AND step = ${step} AND batch = ${batch}
        AND (${only}::text IS NULL OR code = ${only})
      RETURNING (SELECT backup_of FROM lethe.requests WHERE id = request_id)`;
    if (cleared === undefined) return;
    if (cleared.backupOf !== null) await mirrorAttention(tx, cleared.backupOf, at);
    const detail = { processor, step, batch };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'attention.cleared', detail });
  });
}
