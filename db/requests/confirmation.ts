import { and, eq, sql } from 'drizzle-orm';
import { CONFIRMATION_MS } from '../../domain/policy.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { proposedSubjects } from '../resolution/counts.ts';
import { requestCounts, requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { attention, systemVisibility } from '../schema/work.ts';
import { isUnconfirmed, type RequestRow } from './row.ts';

export interface Confirmation {
  readonly status: Status;
  readonly until: Date | null;
  readonly state: NonNullable<DeletionState['confirmation']>;
}

/**
 * The state of a request that a member has to confirm: being counted, waiting, or expired, which cancels all proposed
 * subjects. Null if nothing waits for a confirmation. Runs under the project lock.
 */
export async function settleConfirmation(
  tx: Transaction,
  request: RequestRow,
  asOf: Date,
): Promise<Confirmation | null> {
  if (!isUnconfirmed(request) || request.resolvedAt === null) return null;
  if (request.confirmBy !== null && request.confirmBy <= asOf) return expireConfirmation(tx, request, asOf);
  const { size } = await proposedSubjects(tx, request.id);
  if (size === 0) return null;
  const waiting = await uncounted(tx, request.id, asOf);
  const until = request.confirmBy ?? (waiting.length === 0 ? await openConfirmation(tx, request, size, asOf) : null);
  const ready = waiting.filter((one) => one.ready).map((one) => one.system);
  return {
    status: until === null ? 'resolving' : 'awaiting_confirmation',
    until,
    state: {
      subjects: size,
      systemsToCount: ready,
      needsAnotherOwner: request.selection === 'everyone',
      until: until?.getTime() ?? null,
    },
  };
}

/** `ready`: no operator is needed first. */
const uncounted = (tx: Transaction, requestId: string, asOf: Date) =>
  tx.execute<{ system: string; ready: boolean }>(sql`
    SELECT system, NOT EXISTS (
             SELECT FROM ${attention} WHERE attention.request_id = ${requestId} AND attention.system = pinned.system
               AND step IN ('resolve', 'inspect') AND coalesce(retry_at > ${asOf}, true)) AS ready
    FROM ${systemVisibility} pinned
    WHERE request_id = ${requestId} AND skipped_at IS NULL AND NOT EXISTS (
      SELECT FROM ${requestCounts} counted WHERE counted.request_id = ${requestId} AND counted.system = pinned.system)
    ORDER BY system`);

/** Everything is counted: a member may confirm from now on. */
async function openConfirmation(tx: Transaction, { id, project }: RequestRow, size: number, at: Date): Promise<Date> {
  const until = new Date(at.getTime() + CONFIRMATION_MS);
  await tx.update(requests).set({ confirmBy: until }).where(eq(requests.id, id));
  const detail = { subjects: size, until: until.toISOString() };
  await recordAudit(tx, { at, project, requestId: id, actor: LETHE, action: 'confirmation.asked', detail });
  return until;
}

async function expireConfirmation(tx: Transaction, { id, project }: RequestRow, at: Date): Promise<null> {
  const { count } = await tx
    .update(subjects)
    .set({ state: 'cancelled' })
    .where(and(eq(subjects.requestId, id), eq(subjects.state, 'proposed')));
  if (count === 0) return null;
  const detail = { subjects: count };
  await recordAudit(tx, { at, project, requestId: id, actor: LETHE, action: 'confirmation.lapsed', detail });
  return null;
}
