import { eq, getColumns } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';

// The receipt is large and `notify` is personal data. Only the statements that need them read them.
const { receipt: _receipt, notify: _notify, ...columns } = getColumns(requests);

/** A row of `requests`, without the receipt and the address to notify. */
export type RequestRow = Readonly<Omit<typeof requests.$inferSelect, 'receipt' | 'notify'>>;

/** Whether the request still needs a confirmation. Its subjects are neither hidden nor deleted. */
export const isUnconfirmed = ({ confirm, confirmedAt }: Pick<RequestRow, 'confirm' | 'confirmedAt'>): boolean =>
  confirm && confirmedAt === null;

/** Whether the request hides its subjects as soon as they are resolved, or has hidden them. */
export const hidesSubjects = (row: Pick<RequestRow, 'kind' | 'scope' | 'confirm' | 'confirmedAt'>): boolean =>
  row.kind === 'deletion' && row.scope === 'data' && !isUnconfirmed(row);

/** Reads a request. Throws `request_not_found`. */
export async function readRequestRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const [row] = await queries.select(columns).from(requests).where(eq(requests.id, requestId));
  if (row === undefined)
    throw new DomainError(
      'request_not_found',
      'The project has no request with this id. Nothing was changed; check the id.',
    );
  return row;
}

/** The row of a deletion, which has a run. */
export type DeletionRow = RequestRow & { readonly hardDeleteAt: Date };

/** Reads a deletion. Throws `wrong_kind` for an export. */
export async function readDeletionRow(queries: Queries, requestId: string): Promise<DeletionRow> {
  const row = await readRequestRow(queries, requestId);
  if (!isDeletion(row))
    throw new DomainError(
      'wrong_kind',
      'The request is an export, and only deletions support this operation. Nothing was changed.',
    );
  return row;
}

/** Reads an export. Throws `wrong_kind` for a deletion. */
export async function readExportRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const row = await readRequestRow(queries, requestId);
  if (isDeletion(row))
    throw new DomainError(
      'wrong_kind',
      'The request is a deletion, and only exports support this operation. Nothing was changed.',
    );
  return row;
}

/** Whether the request is a deletion. Only deletions have a run. */
export const isDeletion = (row: RequestRow): row is DeletionRow => row.hardDeleteAt !== null;
