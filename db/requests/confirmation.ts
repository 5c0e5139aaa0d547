import { and, eq, sql } from 'drizzle-orm';
import { CONFIRMATION_MS } from '../../domain/policy.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { blockedSteps } from '../attention/waits.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { countProposedSubjects, countUnknownSubjects } from '../resolution/counts.ts';
import { requestCounts, requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { systemVisibility } from '../schema/work.ts';
import { isUnconfirmed, type RequestRow } from './row.ts';

/** The state of a confirmation that a request needs. */
export interface Confirmation {
  /** The status of the request. */
  readonly status: Status;
  /** When the confirmation expires. Null until every system has counted. */
  readonly until: Date | null;
  readonly state: NonNullable<DeletionState['confirmation']>;
}

/**
 * Advances the confirmation of a request: opens it once every system was searched for unknown identities and has counted,
 * and cancels all proposed subjects when it expires. Null if no subject waits for a confirmation. Runs under the project lock.
 */
export async function settleConfirmation(
  tx: Transaction,
  request: RequestRow,
  asOf: Date,
): Promise<Confirmation | null> {
  if (!isUnconfirmed(request) || request.resolvedAt === null) return null;
  if (request.confirmBy !== null && request.confirmBy <= asOf) return expireConfirmation(tx, request, asOf);
  const unknown = await countUnknownSubjects(tx, request.id);
  const { size } = await countProposedSubjects(tx, request.id);
  if (size === 0 && unknown === 0) return null;
  // Only subjects that exist are counted and confirmed.
  if (unknown > 0) return pending(request, size, []);
  const uncounted = await readUncountedSystems(tx, request.id, asOf);
  const until = request.confirmBy ?? (uncounted.length === 0 ? await openConfirmation(tx, request, size, asOf) : null);
  const systemsToCount = uncounted.filter(({ ready }) => ready).map(({ system }) => system);
  return pending(request, size, systemsToCount, until);
}

const pending = (
  { selection }: RequestRow,
  size: number,
  systemsToCount: readonly string[],
  until: Date | null = null,
): Confirmation => ({
  status: until === null ? 'resolving' : 'awaiting_confirmation',
  until,
  state: {
    subjects: size,
    systemsToCount,
    needsAnotherOwner: selection === 'everyone',
    until: until?.getTime() ?? null,
  },
});

/** The systems that have not counted. `ready` is false if a system needs an operator first. */
const readUncountedSystems = (tx: Transaction, requestId: string, asOf: Date) =>
  tx.execute<{ system: string; ready: boolean }>(sql`
    SELECT system, NOT EXISTS (
             SELECT FROM ${blockedSteps} WHERE attention.request_id = ${requestId} AND attention.system = pinned.system
               AND step IN ('resolve', 'inspect') AND coalesce(retry_at > ${asOf}, true)) AS ready
    FROM ${systemVisibility} pinned
    WHERE request_id = ${requestId} AND skipped_at IS NULL AND NOT EXISTS (
      SELECT FROM ${requestCounts} counted WHERE counted.request_id = ${requestId} AND counted.system = pinned.system)
    ORDER BY system`);

/** Lets members confirm from now on. Returns when the confirmation expires. */
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
