import { DomainError } from '../domain/errors.ts';
import type { Queries } from './client.ts';
import { buildReceipt, type Receipt } from './receipt.ts';

/** The receipt that was stored at the end; before that, from the first claim on, what it would say now. */
export async function readReceipt(queries: Queries, requestId: string): Promise<Receipt> {
  const [row] = await queries<{ receipt: Receipt | null; begun: boolean }[]>`
    SELECT receipt, EXISTS (SELECT FROM lethe.batch_work WHERE request_id = requests.id) AS begun
    FROM lethe.requests WHERE id = ${requestId}`;
  if (row === undefined) throw new DomainError('request_not_found', 'there is no such request');
  if (row.receipt !== null) return row.receipt;
  if (!row.begun) throw new DomainError('no_receipt_yet', 'nothing of the request has been claimed so far');
  return buildReceipt(queries, requestId);
}
