import { CONFIRMATION_MS } from '../../domain/policy.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { proposedSubjects } from '../resolution/counts.ts';
import { isUnconfirmed, type RequestRow } from './row.ts';

export interface Confirmation {
  readonly status: Status;
  readonly until: Date | null;
  readonly state: NonNullable<DeletionState['confirmation']>;
}

/**
 * Where a request stands that somebody has to confirm: still to be counted, waiting, or past its time, in which case all
 * that was proposed is let go. `null`: nothing waits for a confirmation. The caller holds the project's lock.
 */
export async function settleConfirmation(
  tx: Transaction,
  request: RequestRow,
  asOf: Date,
): Promise<Confirmation | null> {
  if (!isUnconfirmed(request) || request.resolvedAt === null) return null;
  if (request.confirmBy !== null && request.confirmBy <= asOf) return lapse(tx, request, asOf);
  const { size: subjects } = await proposedSubjects(tx, request.id);
  if (subjects === 0) return null;
  const waiting = await uncounted(tx, request.id, asOf);
  const until = request.confirmBy ?? (waiting.length === 0 ? await ask(tx, request, subjects, asOf) : null);
  const ready = waiting.filter((one) => one.ready).map((one) => one.processor);
  return {
    status: until === null ? 'resolving' : 'awaiting_confirmation',
    until,
    state: { subjects, processorsToCount: ready, until: until?.getTime() ?? null },
  };
}

/** `ready`: no operator is needed first. */
const uncounted = (tx: Transaction, requestId: string, asOf: Date) => tx<{ processor: string; ready: boolean }[]>`
  SELECT processor, NOT EXISTS (
           SELECT FROM lethe.attention WHERE attention.request_id = ${requestId} AND attention.processor = frozen.processor
             AND step IN ('resolve', 'inspect') AND coalesce(retry_at > ${asOf}, true)) AS ready
  FROM lethe.processor_visibility frozen
  WHERE request_id = ${requestId} AND skipped_at IS NULL AND NOT EXISTS (
    SELECT FROM lethe.request_counts counted WHERE counted.request_id = ${requestId} AND counted.processor = frozen.processor)
  ORDER BY processor`;

/** Everything is counted: from now on somebody may say yes. */
async function ask(tx: Transaction, { id, project }: RequestRow, subjects: number, at: Date): Promise<Date> {
  const until = new Date(at.getTime() + CONFIRMATION_MS);
  await tx`UPDATE lethe.requests SET confirm_by = ${until} WHERE id = ${id}`;
  const detail = { subjects, until: until.toISOString() };
  await recordAudit(tx, { at, project, requestId: id, actor: LETHE, action: 'confirmation.asked', detail });
  return until;
}

async function lapse(tx: Transaction, { id, project }: RequestRow, at: Date): Promise<null> {
  const { count } =
    await tx`UPDATE lethe.subjects SET state = 'cancelled' WHERE request_id = ${id} AND state = 'proposed'`;
  if (count === 0) return null;
  const detail = { subjects: count };
  await recordAudit(tx, { at, project, requestId: id, actor: LETHE, action: 'confirmation.lapsed', detail });
  return null;
}
