import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { transaction } from '../transaction.ts';
import { raiseAttention } from '../attention/raise.ts';
import { readRequestRow } from '../requests/row.ts';

/**
 * Holds the processors that the request froze against those that are configured now (rule 5). One that is missing needs
 * an operator; a data map that was edited since is taken over, and the audit trail says so. Returns who can be inspected.
 */
export async function checkPinnedProcessors(
  database: Database,
  input: { readonly requestId: string; readonly configured: Readonly<Record<string, string>>; readonly at: Date },
): Promise<readonly string[]> {
  const { requestId, configured, at } = input;
  return transaction(database, async (tx) => {
    const { project, processors } = await readRequestRow(tx, requestId);
    const skipped = await tx<{ processor: string }[]>`
      SELECT processor FROM lethe.processor_visibility WHERE request_id = ${requestId} AND skipped_at IS NOT NULL`;
    const frozen = Object.entries(processors ?? {}).filter(([name]) => !skipped.some((row) => row.processor === name));
    for (const [processor, hash] of frozen) {
      const now = configured[processor];
      if (now === undefined) {
        await raiseAttention(
          tx,
          { project, requestId, processor, step: 'inspect', batch: 0 },
          { code: 'processor_missing', at, retryAt: null },
        );
      } else if (now !== hash) {
        await tx`UPDATE lethe.requests SET processors = processors || ${tx.json({ [processor]: now })} WHERE id = ${requestId}`;
        await recordAudit(tx, {
          at,
          project,
          requestId,
          actor: LETHE,
          action: 'data_map.changed',
          detail: { processor, from: hash, to: now },
        });
      }
    }
    return frozen.map(([name]) => name).filter((name) => configured[name] !== undefined);
  });
}
