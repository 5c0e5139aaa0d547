import { and, eq, sql } from 'drizzle-orm';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { attention } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { UNFINISHED_STATUSES } from './pending.ts';

/**
 * Copies the attention of a deletion's open exports to the deletion, which cannot claim before they are ready (rule
 * 18). Clears the copies whose exports need no operator any more.
 */
export async function copyBackupAttention(tx: Transaction, deletion: string, at: Date): Promise<void> {
  const changed = await tx.execute<{ project: string; system: string; raised: boolean }>(sql`
    WITH failing AS MATERIALIZED (
      SELECT system, min(since) AS since, CASE WHEN bool_and(retry_at IS NOT NULL) THEN min(retry_at) END AS retry_at
      FROM ${attention}
      WHERE request_id = ANY(ARRAY(
          SELECT id FROM ${requests} WHERE backup_of = ${deletion} AND status = ANY(${textArray(UNFINISHED_STATUSES)})))
        AND EXISTS (SELECT FROM ${requests} WHERE id = ${deletion} AND concluded_at IS NULL)
      GROUP BY system),
    raised AS (
      INSERT INTO ${attention} AS copied (request_id, system, step, code, since, retry_at)
      SELECT ${deletion}, system, 'backup', 'backup_failing', since, retry_at FROM failing
      ON CONFLICT (request_id, system, step, batch) DO UPDATE SET retry_at = excluded.retry_at WHERE copied.code = excluded.code
      RETURNING system, (xmax = 0) AS fresh),
    cleared AS (
      DELETE FROM ${attention}
      WHERE request_id = ${deletion} AND step = 'backup' AND code = 'backup_failing' AND system NOT IN (SELECT system FROM failing)
      RETURNING system)
    SELECT project, system, raised
    FROM (SELECT system, true AS raised FROM raised WHERE fresh UNION ALL SELECT system, false FROM cleared) changed, ${requests}
    WHERE id = ${deletion} ORDER BY system`);
  for (const { project, system, raised } of changed) {
    const detail = { system, step: 'backup', batch: 0, ...(raised ? { code: 'backup_failing' } : {}) };
    const action = raised ? 'attention.raised' : 'attention.cleared';
    await recordAudit(tx, { at, project, requestId: deletion, actor: LETHE, action, detail });
  }
  if (changed.length > 0) await raiseWake(tx, [deletion]);
}

/**
 * Clears the attention of a deletion's exports, for one system or for all, so that they retry. Returns those exports.
 * Does not clear the deletion's own attention.
 */
export async function retryBackups(
  tx: Transaction,
  deletion: string,
  system: string | null,
): Promise<readonly string[]> {
  const ended = await tx
    .delete(attention)
    .where(
      and(
        sql`${attention.requestId} = ANY(ARRAY(SELECT id FROM ${requests} WHERE backup_of = ${deletion}))`,
        system === null ? undefined : eq(attention.system, system),
      ),
    )
    .returning({ requestId: attention.requestId });
  return [...new Set(ended.map(({ requestId }) => requestId))];
}
