import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import type { RequestRow } from '../requests/row.ts';
import type { CollectionRow } from './collections.ts';
import { exportWindow } from './window.ts';

/**
 * Whether everything was asked, and nobody holds a row: then there is nothing to pack, and the answer is `not_found`. Not
 * where part of what is held was not asked for (a window, columns alone) or cannot be handed out: unknown is not zero.
 */
export async function isEmptyExport(
  tx: Transaction,
  request: RequestRow,
  collections: readonly CollectionRow[],
  at: Date,
): Promise<boolean> {
  const { id, project, processors, scope } = request;
  const whole = scope === 'data' && exportWindow(request) === null;
  const asked = collections.length > 0 && collections.length === Object.keys(processors ?? {}).length;
  if (!whole || !asked || collections.some(({ collected, rows }) => !collected || rows > 0)) return false;
  const { count } =
    await tx`UPDATE lethe.subjects SET state = 'not_found' WHERE request_id = ${id} AND state = 'wanted'`;
  if (count > 0)
    await recordAudit(tx, {
      at,
      project,
      requestId: id,
      actor: LETHE,
      action: 'subjects.not_found',
      detail: { count },
    });
  return true;
}
