import { and, eq, gt, sql } from 'drizzle-orm';
import { type Project, systemsFor } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { hardDeleteAt } from '../../domain/policy.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { proposedSubjects } from '../resolution/counts.ts';
import { members } from '../schema/members.ts';
import { requests } from '../schema/requests.ts';
import { exceptedIdentities, identityDigests, matches, subjects } from '../schema/subjects.ts';
import { currentOwner } from '../subjects/ownership.ts';
import { estimatedCompletion, forecastOf } from './forecast.ts';
import { isUnconfirmed, readDeletionRow, type RequestRow } from './row.ts';

export interface NewConfirmation {
  readonly requestId: string;
  readonly expectedCount: number;
  /** The caller accepts that an exception matched no subject. */
  readonly acceptUnmatched: boolean;
  readonly by: { readonly memberId: string; readonly role: Role };
  readonly at: Date;
}
export interface Confirmed {
  readonly subjects: number;
  /** The number of them that another open request owns by now: they share its outcome. */
  readonly attached: number;
  readonly hardDeleteAt: Date;
  readonly estimatedCompletionAt: Date;
  readonly wake: readonly string[];
}

const POSITIONS_NAMED = 100;

/**
 * Confirms the count: no subject is hidden or deleted before. Proposed subjects become this request's own, or are attached
 * to the request that owns them by now. The grace period starts. Runs under the project lock.
 */
export async function confirmRequest(
  tx: Transaction,
  project: Project,
  confirmation: NewConfirmation,
): Promise<Confirmed> {
  const { requestId, by, at } = confirmation;
  const request = await readDeletionRow(tx, requestId);
  const size = await requireConfirmable(tx, request, confirmation);
  const fromNow = hardDeleteAt(project.policy, at.getTime(), request.expedite);
  const due = new Date(Math.max(request.hardDeleteAt.getTime(), fromNow));
  const attached = request.scope === 'data' ? await attachOwned(tx, request, due) : 0;
  if (request.onConflict === 'reject' && attached > 0) throw await conflict(tx, requestId, attached);
  await ownProposed(tx, requestId, due);
  const forecast = forecastOf(project.policy, systemsFor(project, request.subjectKind), due, at);
  const moved = { ...request, hardDeleteAt: due, expedited: request.expedite !== null, forecast };
  const [stored] = await tx
    .update(requests)
    .set({
      status: 'grace',
      confirmedAt: at,
      confirmedBy: by.memberId,
      confirmedCount: size,
      hardDeleteAt: due,
      estimatedCompletionAt: sql`greatest(${requests.estimatedCompletionAt}, ${estimatedCompletion(moved, size)})`,
    })
    .where(eq(requests.id, requestId))
    .returning({ estimatedCompletionAt: requests.estimatedCompletionAt });
  const detail = { subjects: size, attached };
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

/** Throws unless this member may confirm exactly this count now. Returns the number of proposed subjects. */
async function requireConfirmable(
  tx: Transaction,
  request: RequestRow,
  { by, at, expectedCount, acceptUnmatched }: NewConfirmation,
): Promise<number> {
  if (!isUnconfirmed(request))
    throw new DomainError('not_awaiting_confirmation', 'the request needs no confirmation, or has been confirmed');
  if (request.selection === 'everyone' && (by.role !== 'owner' || by.memberId === request.submittedBy))
    throw new DomainError('needs_another_owner', 'everyone is confirmed by an owner who did not submit the request');
  if (request.selection === 'everyone' && (await joinedAfter(tx, by.memberId, request.receivedAt)))
    throw new DomainError(
      'needs_another_owner',
      'everyone is confirmed by an owner who was a member when it was submitted',
    );
  if (request.confirmBy !== null && request.confirmBy <= at)
    throw new DomainError('confirmation_expired', `it could be given until ${request.confirmBy.toISOString()}`);
  const { size } = await proposedSubjects(tx, request.id);
  if (request.status !== 'awaiting_confirmation' || size === 0)
    throw new DomainError('not_awaiting_confirmation', 'the request is still being counted, or has ended');
  if (size !== expectedCount)
    throw new DomainError('count_moved', `${size} subjects wait for a confirmation`, { subjects: size });
  if (!acceptUnmatched) await refuseUnmatched(tx, request.id);
  return size;
}

/** A member who was added after the submission may be an accomplice of its sender: no second pair of eyes. */
async function joinedAfter(tx: Transaction, memberId: string, submittedAt: Date): Promise<boolean> {
  const later = await tx.$count(members, and(eq(members.id, memberId), gt(members.addedAt, submittedAt)));
  return later > 0;
}

/** A mistyped exception excludes no subject: the person meant would be deleted with everyone. */
async function refuseUnmatched(tx: Transaction, requestId: string): Promise<void> {
  const unmatched = await tx
    .select({ number: exceptedIdentities.number, count: sql<number>`count(*) OVER ()` })
    .from(exceptedIdentities)
    .where(and(eq(exceptedIdentities.requestId, requestId), eq(exceptedIdentities.matched, false)))
    .orderBy(exceptedIdentities.number)
    .limit(POSITIONS_NAMED);
  const [first] = unmatched;
  if (first === undefined) return;
  throw new DomainError('unmatched_exceptions', `${first.count} of the exceptions matched nobody`, {
    positions: unmatched.map((row) => row.number),
  });
}

/** Attaches the proposed subjects that another open request owns; the others have no owner (rule 7). Returns their number. */
async function attachOwned(
  tx: Transaction,
  { id: requestId, project, subjectKind: kind }: RequestRow,
  due: Date,
): Promise<number> {
  const { count } = await tx.execute<never>(sql`
    WITH owned AS MATERIALIZED (
      SELECT mine.seq, owner.request_id AS owner_request, owner.seq AS owner_seq
      FROM ${subjects} mine
      CROSS JOIN LATERAL (
        SELECT array_agg(digest) AS digests FROM ${identityDigests} own
        WHERE own.request_id = mine.request_id AND own.seq = mine.seq AND is_key) named
      CROSS JOIN LATERAL (${currentOwner({ requestId, project, kind })}) owner
      WHERE mine.request_id = ${requestId} AND mine.state = 'proposed')
    UPDATE ${subjects}
    SET state = 'attached', owner_request = owned.owner_request, owner_seq = owned.owner_seq, hidden = true,
        hard_delete_at = greatest(hard_delete_at, ${due})
    FROM owned WHERE request_id = ${requestId} AND subjects.seq = owned.seq AND state = 'proposed'`);
  return count;
}

/** The sub-select is evaluated once: all subjects get one generation. */
const ownProposed = (tx: Transaction, requestId: string, due: Date) =>
  tx
    .update(subjects)
    .set({
      state: 'resolved',
      hidden: sql`${subjects.scope} = 'data'`,
      generation: sql`(SELECT nextval('lethe.visibility_generation'))`,
      hardDeleteAt: sql`greatest(${subjects.hardDeleteAt}, ${due})`,
    })
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'proposed')));

async function conflict(tx: Transaction, requestId: string, attached: number): Promise<DomainError> {
  const rows = await tx.execute<{ position: number }>(sql`
    SELECT DISTINCT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
    WHERE request_id = ${requestId} AND state = 'attached' ORDER BY position LIMIT ${POSITIONS_NAMED}`);
  return new DomainError('subject_conflict', `another open deletion owns ${attached} of the subjects`, {
    positions: rows.map((row) => row.position),
  });
}
