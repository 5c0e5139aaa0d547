import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { raiseAttention } from '../attention/raise.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { readRequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { processorVisibility } from '../schema/work.ts';
import { transaction } from '../transaction.ts';

/**
 * Compares the processors pinned by the request with those configured now (rule 5). Raises attention for a missing one;
 * takes over a data map that was edited since, and audits it. Returns the processors that can be inspected.
 */
export async function checkPinnedProcessors(
  database: Database,
  input: { readonly requestId: string; readonly configured: Readonly<Record<string, string>>; readonly at: Date },
): Promise<readonly string[]> {
  const { requestId, configured, at } = input;
  return transaction(database, async (tx) => {
    const { project, processors } = await readRequestRow(tx, requestId);
    const skipped = await tx
      .select({ processor: processorVisibility.processor })
      .from(processorVisibility)
      .where(and(eq(processorVisibility.requestId, requestId), isNotNull(processorVisibility.skippedAt)));
    const pinned = Object.entries(processors ?? {}).filter(([name]) => !skipped.some((row) => row.processor === name));
    for (const [processor, hash] of pinned) {
      const now = configured[processor];
      if (now === undefined) {
        await raiseAttention(
          tx,
          { project, requestId, processor, step: 'inspect', batch: 0 },
          { code: 'processor_missing', at, retryAt: null },
        );
      } else if (now !== hash) {
        const merged = sql`${requests.processors} || ${sql.param({ [processor]: now }, requests.processors)}`;
        await tx.update(requests).set({ processors: merged }).where(eq(requests.id, requestId));
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
    return pinned.map(([name]) => name).filter((name) => configured[name] !== undefined);
  });
}
