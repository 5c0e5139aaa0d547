import type { Manifest } from '../../domain/archive.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Queries } from '../client.ts';
import { buildReceipt, type Receipt } from './receipt.ts';

/**
 * Of a deletion, what was stored at the end; before that, from the first claim on, what it would say now. Of an export,
 * what is in the archive, from when that is ready: it outlives the archive. Throws `no_receipt_yet`.
 */
export async function readReceipt(queries: Queries, requestId: string): Promise<Receipt | Manifest> {
  const [row] = await queries<{ receipt: Receipt | Manifest | null; begun: boolean }[]>`
    SELECT receipt, EXISTS (SELECT FROM lethe.batch_work WHERE request_id = requests.id) AS begun
    FROM lethe.requests WHERE id = ${requestId}`;
  if (row === undefined) throw new DomainError('request_not_found', 'there is no such request');
  if (row.receipt !== null) return row.receipt;
  if (!row.begun) throw new DomainError('no_receipt_yet', 'nothing has been claimed, and no archive is ready');
  return buildReceipt(queries, requestId);
}
