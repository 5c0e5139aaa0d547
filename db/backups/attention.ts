import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { UNDER_WAY } from './pending.ts';

/**
 * What keeps a backup from getting ready keeps its deletion from its claim: each processor that the exports under way need
 * an operator for is one in the deletion's `attention` too, and leaves it with the last of them.
 */
export async function mirrorAttention(tx: Transaction, deletion: string, at: Date): Promise<void> {
  const changed = await tx<{ project: string; processor: string; raised: boolean }[]>`
    WITH failing AS MATERIALIZED (
      SELECT processor, min(since) AS since, CASE WHEN bool_and(retry_at IS NOT NULL) THEN min(retry_at) END AS retry_at
      FROM lethe.requests backup JOIN lethe.requests deletion ON deletion.id = backup.backup_of AND deletion.concluded_at IS NULL
      JOIN lethe.attention ON attention.request_id = backup.id
      WHERE backup.backup_of = ${deletion} AND backup.status = ANY(${UNDER_WAY as string[]}::text[])
      GROUP BY processor),
    raised AS (
      INSERT INTO lethe.attention AS mirrored (request_id, processor, step, code, since, retry_at)
      SELECT ${deletion}, processor, 'backup', 'backup_failing', since, retry_at FROM failing
      ON CONFLICT (request_id, processor, step, batch) DO UPDATE SET retry_at = excluded.retry_at WHERE mirrored.code = excluded.code
      RETURNING processor, (xmax = 0) AS fresh),
    cleared AS (
      DELETE FROM lethe.attention
      WHERE request_id = ${deletion} AND step = 'backup' AND code = 'backup_failing' AND processor NOT IN (SELECT processor FROM failing)
      RETURNING processor)
    SELECT project, processor, raised
    FROM (SELECT processor, true AS raised FROM raised WHERE fresh UNION ALL SELECT processor, false FROM cleared) changed,
         lethe.requests
    WHERE id = ${deletion} ORDER BY processor`;
  for (const { project, processor, raised } of changed) {
    const detail = { processor, step: 'backup', batch: 0, ...(raised ? { code: 'backup_failing' } : {}) };
    const action = raised ? 'attention.raised' : 'attention.cleared';
    await recordAudit(tx, { at, project, requestId: deletion, actor: LETHE, action, detail });
  }
  if (changed.length > 0) await raiseWake(tx, [deletion]);
}

/**
 * What the deletion's operator says is mended is tried again by the exports that wait for it, of one processor or of all.
 * Returns those exports; the deletion's own attention is for the caller to end.
 */
export async function retryBackups(
  tx: Transaction,
  deletion: string,
  processor: string | null,
): Promise<readonly string[]> {
  const ended = await tx<{ requestId: string }[]>`
    DELETE FROM lethe.attention USING lethe.requests backup
    WHERE backup.backup_of = ${deletion} AND backup.id = attention.request_id AND (${processor}::text IS NULL OR processor = ${processor})
    RETURNING attention.request_id`;
  return [...new Set(ended.map(({ requestId }) => requestId))];
}
