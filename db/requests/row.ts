import { DomainError } from '../../domain/errors.ts';
import type {
  Expedite,
  ExportFormat,
  OnConflict,
  RequestKind,
  Scope,
  SelectedBy,
  Status,
  SubjectKind,
} from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';

/** A request as every step needs it. Processors and their data-map hashes are frozen when it is resolved (rule 5). */
export interface RequestRow {
  readonly id: string;
  readonly project: string;
  readonly kind: RequestKind;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly selection: SelectedBy;
  readonly segment: string | null;
  readonly suppress: boolean;
  readonly onConflict: OnConflict;
  readonly expedite: Expedite | null;
  readonly status: Status;
  readonly submittedBy: string;
  readonly submitted: number;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  /** Null of an export. */
  readonly hardDeleteAt: Date | null;
  readonly confirm: boolean;
  readonly confirmBy: Date | null;
  readonly confirmedAt: Date | null;
  readonly cancelledAt: Date | null;
  readonly resolvedAt: Date | null;
  readonly concludedAt: Date | null;
  readonly processors: Readonly<Record<string, string>> | null;
  readonly growthAccepted: boolean;
  readonly wakeVersion: number;
  /** Null of a deletion. */
  readonly format: ExportFormat | null;
  readonly exportFirst: boolean;
  /** Of an export: the deletion before which it is made. */
  readonly backupOf: string | null;
  /** Of an export: raised by whatever changes what belongs in it (rule 17). */
  readonly epoch: number;
}

/** Nobody of such a request is hidden or deleted. */
export const isUnconfirmed = ({ confirm, confirmedAt }: RequestRow): boolean => confirm && confirmedAt === null;

/** Throws `request_not_found`. */
export async function readRequestRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const [row] = await queries<RequestRow[]>`
    SELECT id, project, kind, subject_kind, regulation, scope, selection, segment, suppress, on_conflict, expedite, status,
           submitted_by, submitted, received_at, due_at, hard_delete_at, confirm, confirm_by, confirmed_at, cancelled_at,
           resolved_at, concluded_at, processors, growth_accepted, wake_version, format, export_first, backup_of, epoch
    FROM lethe.requests WHERE id = ${requestId}`;
  if (row === undefined) throw new DomainError('request_not_found', 'there is no such request');
  return row;
}

/** A deletion has a date; an export is refused (`wrong_kind`). */
export type DeletionRow = RequestRow & { readonly hardDeleteAt: Date };

export async function readDeletionRow(queries: Queries, requestId: string): Promise<DeletionRow> {
  const row = await readRequestRow(queries, requestId);
  if (!isDeletion(row)) throw new DomainError('wrong_kind', 'the request is an export');
  return row;
}

/** The same of an export: a deletion is refused. */
export async function readExportRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const row = await readRequestRow(queries, requestId);
  if (isDeletion(row)) throw new DomainError('wrong_kind', 'the request is a deletion');
  return row;
}

export const isDeletion = (row: RequestRow): row is DeletionRow => row.hardDeleteAt !== null;
