import { type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Identity } from '../../domain/identity.ts';
import { EXPORT_WITHIN_MS } from '../../domain/policy.ts';
import type { Expedite } from '../../domain/vocabulary.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { notificationInsert } from '../notifications/enqueue.ts';
import { lockProject } from '../project-lock.ts';
import { reportEvent } from '../audit/events.ts';
import { auditEvents } from '../schema/audit.ts';
import { requests } from '../schema/requests.ts';
import { exceptedIdentities, submittedIdentities } from '../schema/subjects.ts';
import { arrayLiteral, intArray, textArray } from '../sql.ts';
import { transaction } from '../transaction.ts';
import { findOwnedPositions } from './conflicts.ts';
import { type Forecast, estimatedCompletion } from './forecast.ts';
import { type Accepted, type AcceptedRequest, acceptOnce, type Replayable } from './idempotency.ts';

/** A validated request, with the timestamps that follow from its project's policy. */
export interface NewRequest extends Readonly<
  Pick<
    typeof requests.$inferSelect,
    | 'id'
    | 'project'
    | 'kind'
    | 'subjectKind'
    | 'regulation'
    | 'scope'
    | 'suppress'
    | 'onConflict'
    | 'confirm'
    | 'submittedBy'
    | 'receivedAt'
    | 'dueAt'
    | 'hardDeleteAt'
    | 'format'
    | 'notify'
    | 'exportFirst'
  >
> {
  readonly selection: Selection;
  readonly expedite: { readonly when: Expedite; readonly reason: string } | null;
  readonly forecast: Forecast;
}
/** How the request selects its subjects. */
export type Selection =
  | { readonly by: 'identities'; readonly identities: readonly SubmittedIdentity[] }
  | { readonly by: 'segment'; readonly segment: string }
  | { readonly by: 'everyone'; readonly except: readonly Identity[] };

/** An identity of the request. `value` is null if it is invalid for its type. */
export interface SubmittedIdentity extends Readonly<
  Pick<typeof submittedIdentities.$inferSelect, 'type' | 'reason' | 'duplicateOf' | 'line'>
> {
  readonly value: readonly string[] | null;
  readonly canonical?: readonly string[] | null;
  readonly outcome: 'invalid' | 'duplicate' | null;
}

/** Stores a request. Throws `subject_conflict` for `onConflict: 'reject'`, and the errors of `acceptOnce`. */
export async function accept(
  database: Database,
  keys: DigestKeys,
  request: NewRequest,
  call: Replayable | null,
): Promise<Accepted> {
  // A part deletion is never attached to another deletion, so it has no conflict (rule 16).
  const rejects = request.onConflict === 'reject' && request.scope === 'data';
  const store = (tx: Transaction) => (rejects ? acceptUnlessOwned(tx, keys, request) : acceptRequest(tx, request));
  if (call !== null)
    return acceptOnce(database, keys, { ...call, memberId: request.submittedBy, at: request.receivedAt }, store);
  const accepted = rejects ? await transaction(database, store) : await acceptRequest(database, request);
  return { ...accepted, replayed: false };
}

const MAX_LISTED_POSITIONS = 100;

/** Stores nothing and throws `subject_conflict` if another open deletion owns one of the subjects. */
async function acceptUnlessOwned(tx: Transaction, keys: DigestKeys, request: NewRequest): Promise<AcceptedRequest> {
  await lockProject(tx, request.project);
  const positions = await findOwnedPositions(tx, keys, request, identitiesOf(request));
  if (positions.length === 0) return acceptRequest(tx, request);
  throw new DomainError(
    'subject_conflict',
    `Another open deletion owns ${positions.length} of the subjects. Nothing was stored; remove \`positions\`, or set \`onConflict\` to attach.`,
    {
      positions: positions.slice(0, MAX_LISTED_POSITIONS),
    },
  );
}

/** Stores the request, its identities, its notifications and the audit event in one statement. */
export async function acceptRequest(queries: Queries, request: NewRequest): Promise<AcceptedRequest> {
  const { selection, expedite } = request;
  const identities = identitiesOf(request);
  const except = selection.by === 'everyone' ? selection.except : [];
  const [accepted] = await queries.execute<AcceptedRequest>(sql`
    WITH request AS (
      INSERT INTO ${requests} (id, project, kind, subject_kind, regulation, scope, selection, segment, suppress, on_conflict,
        confirm, expedite, expedite_reason, submitted_by, submitted, received_at, due_at, hard_delete_at,
        estimated_completion_at, attended_at, format, notify, export_first)
      SELECT ${request.id}, ${request.project}, ${request.kind}, ${request.subjectKind}, ${request.regulation}, ${request.scope},
        ${selection.by}, ${selection.by === 'segment' ? selection.segment : null}, ${request.suppress}, ${request.onConflict},
        ${request.confirm}, ${expedite?.when ?? null}, ${expedite?.reason ?? null}, ${request.submittedBy}, ${identities.length}, ${request.receivedAt},
        ${request.dueAt}, ${request.hardDeleteAt}, ${completion(request, identities.length)}, ${request.receivedAt},
        ${request.format}, ${request.notify}, ${request.exportFirst}
      RETURNING id, project, kind, regulation, status, notify, submitted_by, submitted, selection, expedite, expedite_reason, received_at,
        due_at, hard_delete_at, estimated_completion_at
    ), identities AS (
      INSERT INTO ${submittedIdentities} (request_id, position, type, value, canonical, outcome, reason, duplicate_of, line)
      SELECT request.id, submitted.position, submitted.type, submitted.value::text[], submitted.canonical::text[], outcome, reason, duplicate_of, line
      FROM request, unnest(${textArray(identities.map(({ type }) => type))},
                           ${textArray(identities.map(({ value }) => (value === null ? null : arrayLiteral(value))))},
                           ${textArray(nullIfEmpty(identities.map(({ canonical }) => (canonical ? arrayLiteral(canonical) : null))))},
                           ${textArray(nullIfEmpty(identities.map(({ outcome }) => outcome)))}, ${textArray(nullIfEmpty(identities.map(({ reason }) => reason)))},
                           ${intArray(nullIfEmpty(identities.map(({ duplicateOf }) => duplicateOf)))}, ${intArray(nullIfEmpty(identities.map(({ line }) => line)))})
             WITH ORDINALITY AS submitted (type, value, canonical, outcome, reason, duplicate_of, line, position)
    ), excepted AS (
      INSERT INTO ${exceptedIdentities} (request_id, number, type, value)
      SELECT request.id, exception.number, exception.type, exception.value::text[]
      FROM request, unnest(${textArray(except.map(({ type }) => type))}, ${textArray(except.map(({ value }) => arrayLiteral(value)))})
             WITH ORDINALITY AS exception (type, value, number)
    ), deliveries AS (${notificationInsert('request', request.receivedAt)}
    ), audit AS (
      INSERT INTO ${auditEvents} (at, project, request_id, actor, action, detail)
      SELECT received_at, project, id, submitted_by, 'request.received',
        jsonb_strip_nulls(jsonb_build_object('selection', selection, 'submitted', submitted,
          'confirm', nullif(${request.confirm}, false), 'excepted', nullif(${except.length}::integer, 0),
          'expedite', expedite, 'reason', expedite_reason, 'kind', nullif(kind, 'deletion'),
          'exportFirst', nullif(${request.exportFirst}, false)))
      FROM request
    )
    SELECT id, project, kind, regulation, status, submitted, received_at, due_at, hard_delete_at, estimated_completion_at FROM request`);
  if (accepted === undefined) throw new Error('the insert of the request returned no row');
  const { id: requestId, project, kind, submitted } = accepted;
  reportEvent(queries, { action: 'request.received', project, requestId, kind, detail: { submitted } });
  return accepted;
}

const identitiesOf = ({ selection }: NewRequest): readonly SubmittedIdentity[] =>
  selection.by === 'identities' ? selection.identities : [];

function completion(request: NewRequest, subjects: number): SQL {
  const { hardDeleteAt, expedite, receivedAt } = request;
  if (hardDeleteAt === null) return sql`${new Date(receivedAt.getTime() + EXPORT_WITHIN_MS)}::timestamptz`;
  return estimatedCompletion({ ...request, hardDeleteAt, expedited: expedite !== null }, subjects);
}

/** Null for a column that contains only nulls, which `unnest` expands to nulls again. */
const nullIfEmpty = <T>(column: readonly (T | null)[]): readonly (T | null)[] | null =>
  column.some((value) => value !== null) ? column : null;
