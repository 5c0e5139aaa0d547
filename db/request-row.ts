import { DomainError } from '../domain/errors.ts';
import type { DeletionStatus, Expedite, OnConflict, Scope, SelectedBy, SubjectKind } from '../domain/vocabulary.ts';
import type { Queries } from './client.ts';

/** A request as every step needs it. Processors and their data-map hashes are frozen when it is resolved (rule 5). */
export interface RequestRow {
  readonly id: string;
  readonly project: string;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly selection: SelectedBy;
  readonly segment: string | null;
  readonly suppress: boolean;
  readonly onConflict: OnConflict;
  readonly expedite: Expedite | null;
  readonly status: DeletionStatus;
  readonly submittedBy: string;
  readonly submitted: number;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly hardDeleteAt: Date;
  readonly confirm: boolean;
  readonly confirmBy: Date | null;
  readonly confirmedAt: Date | null;
  readonly cancelledAt: Date | null;
  readonly resolvedAt: Date | null;
  readonly concludedAt: Date | null;
  readonly processors: Readonly<Record<string, string>> | null;
  readonly growthAccepted: boolean;
  readonly wakeVersion: number;
}

/** Nobody of such a request is hidden or deleted. */
export const isUnconfirmed = ({ confirm, confirmedAt }: RequestRow): boolean => confirm && confirmedAt === null;

/** Throws `request_not_found`. */
export async function readRequestRow(queries: Queries, requestId: string): Promise<RequestRow> {
  const [row] = await queries<RequestRow[]>`
    SELECT id, project, subject_kind, regulation, scope, selection, segment, suppress, on_conflict, expedite, status,
           submitted_by, submitted, received_at, due_at, hard_delete_at, confirm, confirm_by, confirmed_at, cancelled_at,
           resolved_at, concluded_at, processors, growth_accepted, wake_version
    FROM lethe.requests WHERE id = ${requestId}`;
  if (row === undefined) throw new DomainError('request_not_found', 'there is no such request');
  return row;
}
