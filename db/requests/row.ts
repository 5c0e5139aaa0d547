import { eq, getColumns } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';

// The receipt is large and `notify` is personal: each is read only by the statement that needs it.
const { receipt: _receipt, notify: _notify, ...everyday } = getColumns(requests);

/** A request as every step needs it. Systems and their data map hashes are pinned when it is resolved (rule 5). */
export type RequestRow = Readonly<Omit<typeof requests.$inferSelect, 'receipt' | 'notify'>>;

/** Subjects of such a request are neither hidden nor deleted. */
export const isUnconfirmed = ({ confirm, confirmedAt }: RequestRow): boolean => confirm && confirmedAt === null;

/** Throws `request_not_found`. */
export async function readRequestRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const [row] = await queries.select(everyday).from(requests).where(eq(requests.id, requestId));
  if (row === undefined) throw new DomainError('request_not_found', 'there is no such request');
  return row;
}

export type DeletionRow = RequestRow & { readonly hardDeleteAt: Date };

/** Throws `wrong_kind` for an export. */
export async function readDeletionRow(queries: Queries, requestId: string): Promise<DeletionRow> {
  const row = await readRequestRow(queries, requestId);
  if (!isDeletion(row)) throw new DomainError('wrong_kind', 'the request is an export');
  return row;
}

/** Throws `wrong_kind` for a deletion. */
export async function readExportRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const row = await readRequestRow(queries, requestId);
  if (isDeletion(row)) throw new DomainError('wrong_kind', 'the request is a deletion');
  return row;
}

/** Only deletions have a date at which they may be claimed. */
export const isDeletion = (row: RequestRow): row is DeletionRow => row.hardDeleteAt !== null;
