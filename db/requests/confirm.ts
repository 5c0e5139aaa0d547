import { and, eq, gt, sql } from 'drizzle-orm';
import { type Project, systemsFor } from '../../domain/catalog.ts';
import { DomainError } from '../../domain/errors.ts';
import { hardDeleteAt } from '../../domain/policy.ts';
import type { Role } from '../../domain/vocabulary.ts';
import { enqueueNotifications } from '../notifications/enqueue.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { countProposedSubjects } from '../resolution/counts.ts';
import { members } from '../schema/members.ts';
import { requests } from '../schema/requests.ts';
import { exceptedIdentities, identityDigests, matches, subjects } from '../schema/subjects.ts';
import { currentOwner } from '../subjects/ownership.ts';
import { estimatedCompletion, forecastOf } from './forecast.ts';
import { isUnconfirmed, readDeletionRow, type RequestRow } from './row.ts';

/** A member's confirmation of the counted subjects of a request. */
export interface NewConfirmation {
  readonly requestId: string;
  readonly expectedCount: number;
  /** The caller accepts that an exception matched no subject. */
  readonly acceptUnmatched: boolean;
  readonly by: { readonly memberId: string; readonly role: Role };
  readonly at: Date;
}
/** The result of a confirmation. */
export interface Confirmed {
  readonly subjects: number;
  /** The number of subjects that another open request owns, and whose outcome they share. */
  readonly attached: number;
  readonly hardDeleteAt: Date;
  readonly estimatedCompletionAt: Date;
  readonly wake: readonly string[];
}

const MAX_LISTED_POSITIONS = 100;

/**
 * Confirms the count, which starts the grace period. Proposed subjects become `resolved`, or `attached` if another
 * request owns them by now. Runs under the project lock.
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
  if (request.onConflict === 'reject' && attached > 0) throw await conflictError(tx, requestId, attached);
  await ownProposed(tx, requestId, due);
  const forecast = forecastOf(project.policy, systemsFor(project, request.subjectKind), due, at);
  const rescheduled = { ...request, hardDeleteAt: due, expedited: request.expedite !== null, forecast };
  const [stored] = await tx
    .update(requests)
    .set({
      status: 'grace',
      confirmedAt: at,
      confirmedBy: by.memberId,
      confirmedCount: size,
      hardDeleteAt: due,
      estimatedCompletionAt: sql`greatest(${requests.estimatedCompletionAt}, ${estimatedCompletion(rescheduled, size)})`,
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
    throw new DomainError(
      'not_awaiting_confirmation',
      'The request needs no confirmation, or is already confirmed. Nothing was changed; see `status` of the request.',
    );
  if (request.selection === 'everyone' && (by.role !== 'owner' || by.memberId === request.submittedBy))
    throw new DomainError(
      'needs_another_owner',
      'Only an owner other than the submitter can confirm a request for everyone. Nothing was changed; ask another owner.',
    );
  if (request.selection === 'everyone' && (await joinedAfter(tx, by.memberId, request.receivedAt)))
    throw new DomainError(
      'needs_another_owner',
      'Only an owner who was a member at the submission can confirm a request for everyone. Nothing was changed; ask another owner.',
    );
  if (request.confirmBy !== null && request.confirmBy <= at)
    throw new DomainError(
      'confirmation_expired',
      `The confirmation expired at ${request.confirmBy.toISOString()}. Nothing was changed; submit the request again.`,
    );
  const { size } = await countProposedSubjects(tx, request.id);
  if (request.status !== 'awaiting_confirmation' || size === 0)
    throw new DomainError(
      'not_awaiting_confirmation',
      'The request is still being counted, or has ended. Nothing was changed; see `status` of the request.',
    );
  if (size !== expectedCount)
    throw new DomainError(
      'count_moved',
      `${size} subjects wait for a confirmation, not ${expectedCount}. Nothing was changed; fetch the request and confirm its count.`,
      {
        subjects: size,
      },
    );
  if (!acceptUnmatched) await refuseUnmatched(tx, request.id);
  return size;
}

/** Whether the member was added after the submission, and so possibly by the submitter in order to confirm. */
async function joinedAfter(tx: Transaction, memberId: string, submittedAt: Date): Promise<boolean> {
  const later = await tx.$count(members, and(eq(members.id, memberId), gt(members.addedAt, submittedAt)));
  return later > 0;
}

/** Throws `unmatched_exceptions`: the subject that a misspelled exception should exclude would be deleted. */
async function refuseUnmatched(tx: Transaction, requestId: string): Promise<void> {
  const unmatched = await tx
    .select({ number: exceptedIdentities.number, count: sql<number>`count(*) OVER ()` })
    .from(exceptedIdentities)
    .where(and(eq(exceptedIdentities.requestId, requestId), eq(exceptedIdentities.matched, false)))
    .orderBy(exceptedIdentities.number)
    .limit(MAX_LISTED_POSITIONS);
  const [first] = unmatched;
  if (first === undefined) return;
  throw new DomainError(
    'unmatched_exceptions',
    `${first.count} of the exceptions matched no subject. Nothing was changed; submit the request again, or set \`acceptUnmatched\`.`,
    {
      positions: unmatched.map((row) => row.number),
    },
  );
}

/** Attaches the proposed subjects that another open request owns (rule 7). Returns their number. */
async function attachOwned(
  tx: Transaction,
  { id: requestId, project, subjectKind: kind }: RequestRow,
  due: Date,
): Promise<number> {
  const { count } = await tx.execute<never>(sql`
    WITH owned AS MATERIALIZED (
      SELECT subject.seq, owner.request_id AS owner_request, owner.seq AS owner_seq
      FROM ${subjects} subject
      CROSS JOIN LATERAL (
        SELECT array_agg(digest) AS digests FROM ${identityDigests} subject_digest
        WHERE subject_digest.request_id = subject.request_id AND subject_digest.seq = subject.seq AND is_key) subject_key
      CROSS JOIN LATERAL (${currentOwner({ requestId, project, kind })}) owner
      WHERE subject.request_id = ${requestId} AND subject.state = 'proposed')
    UPDATE ${subjects}
    SET state = 'attached', owner_request = owned.owner_request, owner_seq = owned.owner_seq, hidden = true,
        hard_delete_at = greatest(hard_delete_at, ${due})
    FROM owned WHERE request_id = ${requestId} AND subjects.seq = owned.seq AND state = 'proposed'`);
  return count;
}

/** Makes the proposed subjects this request's own. The subquery is evaluated once, so all get the same generation. */
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

async function conflictError(tx: Transaction, requestId: string, attached: number): Promise<DomainError> {
  const rows = await tx.execute<{ position: number }>(sql`
    SELECT DISTINCT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
    WHERE request_id = ${requestId} AND state = 'attached' ORDER BY position LIMIT ${MAX_LISTED_POSITIONS}`);
  return new DomainError(
    'subject_conflict',
    `Another open deletion owns ${attached} of the subjects. Nothing was confirmed; see \`positions\`.`,
    {
      positions: rows.map((row) => row.position),
    },
  );
}
