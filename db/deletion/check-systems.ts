import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { raiseAttention } from '../attention/raise.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { readRequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { systemVisibility } from '../schema/work.ts';
import { transaction } from '../transaction.ts';

/**
 * Compares the systems pinned by the request with the configured ones (rule 5). Raises attention for a missing system.
 * Pins and audits an edited data map. Returns the systems that can be inspected.
 */
export async function checkPinnedSystems(
  database: Database,
  input: { readonly requestId: string; readonly configured: Readonly<Record<string, string>>; readonly at: Date },
): Promise<readonly string[]> {
  const { requestId, configured, at } = input;
  return transaction(database, async (tx) => {
    const { project, systems } = await readRequestRow(tx, requestId);
    const skipped = await tx
      .select({ system: systemVisibility.system })
      .from(systemVisibility)
      .where(and(eq(systemVisibility.requestId, requestId), isNotNull(systemVisibility.skippedAt)));
    const pinned = Object.entries(systems ?? {}).filter(([name]) => !skipped.some((row) => row.system === name));
    for (const [system, hash] of pinned) {
      const currentHash = configured[system];
      if (currentHash === undefined) {
        await raiseAttention(
          tx,
          { project, requestId, system, step: 'inspect', batch: 0 },
          { code: 'system_missing', at, retryAt: null },
        );
      } else if (currentHash !== hash) {
        const merged = sql`${requests.systems} || ${sql.param({ [system]: currentHash }, requests.systems)}`;
        await tx.update(requests).set({ systems: merged }).where(eq(requests.id, requestId));
        await recordAudit(tx, {
          at,
          project,
          requestId,
          actor: LETHE,
          action: 'data_map.changed',
          detail: { system, from: hash, to: currentHash },
        });
      }
    }
    return pinned.map(([name]) => name).filter((name) => configured[name] !== undefined);
  });
}
