import { type Project, processorsFor } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { hardDeleteAt } from '../../domain/policy.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { proposedSubjects } from '../resolution/counts.ts';
import { estimatedCompletion, forecastOf } from './forecast.ts';
import { openOwner } from '../subjects/current-owner.ts';
import { isUnconfirmed, readDeletionRow, type RequestRow } from './row.ts';

export interface NewConfirmation {
  readonly requestId: string;
  readonly expectedCount: number;
  /** Whether it is known, and meant, that an exception matched nobody. */
  readonly acceptUnmatched: boolean;
  readonly by: { readonly memberId: string; readonly role: Role };
  readonly at: Date;
}
export interface Confirmed {
  readonly subjects: number;
  /** Of them, those that another open request owns by now: they share its outcome. */
  readonly attached: number;
  readonly hardDeleteAt: Date;
  readonly estimatedCompletionAt: Date;
  readonly wake: readonly string[];
}

const POSITIONS_NAMED = 100;

/**
 * The word without which nobody is touched. From here on the proposed are subjects like any others: this request's own,
 * or another's that has come to own them meanwhile. The grace period runs from now. The caller holds the project's lock.
 */
export async function confirmRequest(
  tx: Transaction,
  project: Project,
  confirmation: NewConfirmation,
): Promise<Confirmed> {
  const { requestId, by, at } = confirmation;
  const request = await readDeletionRow(tx, requestId);
  const subjects = await requireConfirmable(tx, request, confirmation);
  const fromNow = hardDeleteAt(project.policy, at.getTime(), request.expedite);
  const due = new Date(Math.max(request.hardDeleteAt.getTime(), fromNow));
  const attached = request.scope === 'data' ? await attachOwned(tx, request, due) : 0;
  if (request.onConflict === 'reject' && attached > 0) throw await conflict(tx, requestId, attached);
  await takeSubjects(tx, requestId, due);
  const forecast = forecastOf(project.policy, processorsFor(project, request.subjectKind), due, at);
  const moved = { ...request, hardDeleteAt: due, expedited: request.expedite !== null, forecast };
  const [stored] = await tx<{ estimatedCompletionAt: Date }[]>`
      UPDATE lethe.requests SET status = 'grace', confirmed_at = ${at}, confirmed_by = ${by.memberId}, confirmed_count = ${subjects},
        hard_delete_at = ${due},
        estimated_completion_at = greatest(estimated_completion_at, ${estimatedCompletion(moved, subjects)})
      WHERE id = ${requestId} RETURNING estimated_completion_at`;
  const detail = { subjects, attached };
  await recordAudit(tx, {
    at,
    project: project.name,
    requestId,
    actor: by.memberId,
    action: 'request.confirmed',
    detail,
  });
  await enqueueNotifications(tx, requestId, at);
  await raiseWake(tx, [requestId]);
  const { estimatedCompletionAt = due } = stored ?? {};
  return { ...detail, hardDeleteAt: due, estimatedCompletionAt, wake: [requestId] };
}

/** Throws unless this member may confirm exactly this, now. Returns how many subjects wait. */
async function requireConfirmable(
  tx: Transaction,
  request: RequestRow,
  { by, at, expectedCount, acceptUnmatched }: NewConfirmation,
): Promise<number> {
  if (!isUnconfirmed(request))
    throw new DomainError('not_awaiting_confirmation', 'the request needs no confirmation, or has been confirmed');
  if (request.selection === 'everyone' && (by.role !== 'owner' || by.memberId === request.submittedBy))
    throw new DomainError('needs_another_owner', 'everyone is confirmed by an owner who did not submit the request');
  if (request.selection === 'everyone' && (await cameLater(tx, by.memberId, request.receivedAt)))
    throw new DomainError(
      'needs_another_owner',
      'everyone is confirmed by an owner who was a member when it was submitted',
    );
  if (request.confirmBy !== null && request.confirmBy <= at)
    throw new DomainError('confirmation_expired', `it could be given until ${request.confirmBy.toISOString()}`);
  const { size: subjects } = await proposedSubjects(tx, request.id);
  if (request.status !== 'awaiting_confirmation' || subjects === 0)
    throw new DomainError('not_awaiting_confirmation', 'the request is still being counted, or has ended');
  if (subjects !== expectedCount)
    throw new DomainError('count_moved', `${subjects} subjects wait for a confirmation`, { subjects });
  if (!acceptUnmatched) await refuseUnmatched(tx, request.id);
  return subjects;
}

/** Four eyes that one person could make for the occasion would be two. */
async function cameLater(tx: Transaction, memberId: string, submittedAt: Date): Promise<boolean> {
  const later = await tx`SELECT FROM lethe.members WHERE id = ${memberId} AND added_at > ${submittedAt}`;
  return later.count > 0;
}

/** A mistyped exception spares nobody: the person meant would be deleted with everyone. */
async function refuseUnmatched(tx: Transaction, requestId: string): Promise<void> {
  const unmatched = await tx<{ number: number; count: number }[]>`
    SELECT number, count(*) OVER () AS count FROM lethe.excepted_identities WHERE request_id = ${requestId} AND NOT matched
    ORDER BY number LIMIT ${POSITIONS_NAMED}`;
  const [first] = unmatched;
  if (first === undefined) return;
  throw new DomainError('unmatched_exceptions', `${first.count} of the exceptions matched nobody`, {
    positions: unmatched.map((row) => row.number),
  });
}

/** Those of others first: what is left is nobody's (rule 7). Returns how many another open request owns. */
async function attachOwned(
  tx: Transaction,
  { id: requestId, project, subjectKind: kind }: RequestRow,
  due: Date,
): Promise<number> {
  const { count } = await tx`
    WITH owned AS MATERIALIZED (
      SELECT mine.seq, owner.request_id AS owner_request, owner.seq AS owner_seq
      FROM lethe.subjects mine
      CROSS JOIN LATERAL (
        SELECT array_agg(digest) AS digests FROM lethe.identity_digests own
        WHERE own.request_id = mine.request_id AND own.seq = mine.seq AND is_key) named
      CROSS JOIN LATERAL (${openOwner({ requestId, project, kind })}) owner
      WHERE mine.request_id = ${requestId} AND mine.state = 'proposed')
    UPDATE lethe.subjects
    SET state = 'attached', owner_request = owned.owner_request, owner_seq = owned.owner_seq, hidden = true,
        hard_delete_at = greatest(hard_delete_at, ${due})
    FROM owned WHERE request_id = ${requestId} AND subjects.seq = owned.seq AND state = 'proposed'`;
  return count;
}

/** One generation for all. */
const takeSubjects = (tx: Transaction, requestId: string, due: Date) => tx`
  UPDATE lethe.subjects
  SET state = 'resolved', hidden = (scope = 'data'), generation = (SELECT nextval('lethe.visibility_generation')),
      hard_delete_at = greatest(hard_delete_at, ${due})
  WHERE request_id = ${requestId} AND state = 'proposed'`;

async function conflict(tx: Transaction, requestId: string, attached: number): Promise<DomainError> {
  const rows = await tx<{ position: number }[]>`
    SELECT DISTINCT position FROM lethe.matches JOIN lethe.subjects USING (request_id, seq)
    WHERE request_id = ${requestId} AND state = 'attached' ORDER BY position LIMIT ${POSITIONS_NAMED}`;
  return new DomainError('subject_conflict', `another open deletion owns ${attached} of the subjects`, {
    positions: rows.map((row) => row.position),
  });
}
