import type { Identity, InvalidReason } from '../../domain/identity.ts';
import { EXPORT_WITHIN_MS } from '../../domain/policy.ts';
import type {
  Expedite,
  ExportFormat,
  OnConflict,
  RequestKind,
  Scope,
  Status,
  SubjectKind,
} from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { type Forecast, estimatedCompletion } from './forecast.ts';
import { notificationInsert } from '../notifications/enqueue.ts';
import { arrayLiteral } from '../sql.ts';

/** A request that has been checked, with every instant that follows from its project's policy. */
export interface NewRequest {
  readonly id: string;
  readonly project: string;
  readonly kind: RequestKind;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly selection: Selection;
  readonly suppress: boolean;
  readonly onConflict: OnConflict;
  /** Whether somebody has to confirm the count before anybody is touched. */
  readonly confirm: boolean;
  readonly expedite: { readonly when: Expedite; readonly reason: string } | null;
  readonly submittedBy: string;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  /** Of a deletion. */
  readonly hardDeleteAt: Date | null;
  readonly forecast: Forecast;
  /** Of an export. */
  readonly format: ExportFormat | null;
  /** The e-mail address of a colleague who is told when it is ready, or has ended. */
  readonly notify: string | null;
  /** Of a deletion: nobody is claimed who is not in an archive that is ready. */
  readonly exportFirst: boolean;
}
export type Selection =
  | { readonly by: 'identities'; readonly identities: readonly SubmittedIdentity[] }
  | { readonly by: 'segment'; readonly segment: string }
  | { readonly by: 'everyone'; readonly except: readonly Identity[] };

/** `value` is normalised; null where it cannot be one of its type. */
export interface SubmittedIdentity {
  readonly type: string;
  readonly value: readonly string[] | null;
  readonly outcome: 'invalid' | 'duplicate' | null;
  readonly reason: InvalidReason | null;
  readonly duplicateOf: number | null;
  /** Of an uploaded file. */
  readonly line: number | null;
}

/** A request as its acceptance is answered. */
export interface AcceptedRequest {
  readonly id: string;
  readonly project: string;
  readonly kind: RequestKind;
  readonly regulation: string;
  readonly status: Status;
  readonly submitted: number;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly hardDeleteAt: Date | null;
  readonly estimatedCompletionAt: Date;
}
/** `replayed`: an earlier call with the same key was accepted as this; nothing was stored now. */
export type Accepted = AcceptedRequest & { readonly replayed: boolean };

/** One statement: request, identities and the record of it are stored together or not at all. */
export async function acceptRequest(queries: Queries, request: NewRequest): Promise<AcceptedRequest> {
  const { selection, expedite } = request;
  const identities = selection.by === 'identities' ? selection.identities : [];
  const except = selection.by === 'everyone' ? selection.except : [];
  const [accepted] = await queries<AcceptedRequest[]>`
    WITH request AS (
      INSERT INTO lethe.requests (id, project, kind, subject_kind, regulation, scope, selection, segment, suppress, on_conflict,
        confirm, expedite, expedite_reason, submitted_by, submitted, received_at, due_at, hard_delete_at,
        estimated_completion_at, attended_at, format, notify, export_first)
      SELECT ${request.id}, ${request.project}, ${request.kind}, ${request.subjectKind}, ${request.regulation}, ${request.scope},
        ${selection.by}, ${selection.by === 'segment' ? selection.segment : null}, ${request.suppress}, ${request.onConflict},
        ${request.confirm}, ${expedite?.when ?? null}, ${expedite?.reason ?? null}, ${request.submittedBy}, ${identities.length}, ${request.receivedAt},
        ${request.dueAt}, ${request.hardDeleteAt}, ${completion(queries, request, identities.length)}, ${request.receivedAt},
        ${request.format}, ${request.notify}, ${request.exportFirst}
      RETURNING id, project, kind, regulation, status, notify, submitted_by, submitted, selection, expedite, expedite_reason, received_at,
        due_at, hard_delete_at, estimated_completion_at
    ), identities AS (
      INSERT INTO lethe.submitted_identities (request_id, position, type, value, outcome, reason, duplicate_of, line)
      SELECT request.id, one.position, one.type, one.value::text[], one.outcome, one.reason, one.duplicate_of, one.line
      FROM request, unnest(${identities.map((one) => one.type)}::text[],
                           ${identities.map((one) => (one.value === null ? null : arrayLiteral(one.value)))}::text[],
                           ${sparse(identities.map((one) => one.outcome))}::text[], ${sparse(identities.map((one) => one.reason))}::text[],
                           ${sparse(identities.map((one) => one.duplicateOf))}::integer[], ${sparse(identities.map((one) => one.line))}::integer[])
             WITH ORDINALITY AS one (type, value, outcome, reason, duplicate_of, line, position)
    ), excepted AS (
      INSERT INTO lethe.excepted_identities (request_id, number, type, value)
      SELECT request.id, one.number, one.type, one.value::text[]
      FROM request, unnest(${except.map((one) => one.type)}::text[], ${except.map((one) => arrayLiteral(one.value))}::text[])
             WITH ORDINALITY AS one (type, value, number)
    ), deliveries AS (${notificationInsert('request', request.receivedAt)}
    ), audit AS (
      INSERT INTO lethe.audit_events (at, project, request_id, actor, action, detail)
      SELECT received_at, project, id, submitted_by, 'request.received',
        jsonb_strip_nulls(jsonb_build_object('selection', selection, 'submitted', submitted,
          'confirm', nullif(${request.confirm}, false), 'excepted', nullif(${except.length}::integer, 0),
          'expedite', expedite, 'reason', expedite_reason, 'kind', nullif(kind, 'deletion'),
          'exportFirst', nullif(${request.exportFirst}, false)))
      FROM request
    )
    SELECT id, project, kind, regulation, status, submitted, received_at, due_at, hard_delete_at, estimated_completion_at FROM request`;
  if (accepted === undefined) throw new Error('an accepted request returns its row');
  return accepted;
}

function completion(queries: Queries, request: NewRequest, subjects: number) {
  const { hardDeleteAt, expedite, receivedAt } = request;
  if (hardDeleteAt === null) return queries`${new Date(receivedAt.getTime() + EXPORT_WITHIN_MS)}::timestamptz`;
  return estimatedCompletion({ ...request, hardDeleteAt, expedited: expedite !== null }, subjects);
}

/** A column of nulls need not travel: where an array is shorter, or is none, unnest fills up with nulls. */
const sparse = <T>(column: readonly (T | null)[]) => (column.some((one) => one !== null) ? (column as T[]) : null);
