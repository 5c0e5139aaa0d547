import { DomainError } from '../domain/errors.ts';
import type { RunWindow } from '../domain/calendar.ts';
import { raiseWake, recordAudit } from './audit.ts';
import type { Database, Transaction } from './client.ts';
import { underProjectLock } from './project-lock.ts';
import { readRequestRow } from './request-row.ts';
import { withdrawSubjects } from './withdraw.ts';

export interface Cancellation {
  readonly requestId: string;
  /** Positions as they were submitted; a subject that several positions name is cancelled by any of them. */
  readonly positions: readonly number[] | 'all';
  readonly actor: string;
  readonly at: Date;
}

/**
 * Whoever asks before the claim wins; nothing that is claimed can be taken back (rule 6). Throws `too_late` when
 * nothing of what was asked can be cancelled any more. `tooLate`: the positions whose subjects are claimed or deleted.
 */
export async function cancelSubjects(
  database: Database,
  window: RunWindow,
  cancellation: Cancellation,
): Promise<{ readonly cancelled: number; readonly tooLate: readonly number[]; readonly wake: readonly string[] }> {
  const { requestId, positions, actor, at } = cancellation;
  const { project } = await readRequestRow(database, requestId);
  return underProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'the request has ended');
    const chosen = positions === 'all' ? null : (positions as number[]);
    const subjects = await chosenSubjects(tx, requestId, chosen);
    const open = subjects.filter((subject) => subject.open);
    const tooLate = [
      ...new Set(subjects.filter((subject) => subject.past).flatMap((subject) => subject.positions)),
    ].sort((a, b) => a - b);
    const early = request.resolvedAt === null;
    if (open.length === 0 && !early)
      throw new DomainError('too_late', 'what was named is claimed, deleted or cancelled already');
    if (chosen === null && early) await tx`UPDATE lethe.requests SET cancelled_at = ${at} WHERE id = ${requestId}`;
    const positionsTaken = await tx`
      UPDATE lethe.submitted_identities SET withdrawn_at = ${at}
      WHERE request_id = ${requestId} AND withdrawn_at IS NULL AND (${chosen}::integer[] IS NULL OR position = ANY(${chosen}::integer[]))
        AND NOT position = ANY(${tooLate}::integer[])`;
    const seqs = open.map((subject) => subject.seq);
    const { withdrawn, wake } = await withdrawSubjects(tx, { requestId, seqs, at, window });
    const cancelled = early ? positionsTaken.count : withdrawn;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor,
      action: 'subjects.cancelled',
      detail: { count: cancelled, all: chosen === null },
    });
    await raiseWake(tx, [requestId, ...wake]);
    return { cancelled, tooLate, wake: [requestId, ...wake] };
  });
}

interface ChosenSubject {
  readonly seq: number;
  readonly open: boolean;
  readonly past: boolean;
  readonly positions: readonly number[];
}

const chosenSubjects = (
  tx: Transaction,
  requestId: string,
  positions: number[] | null,
): Promise<readonly ChosenSubject[]> =>
  tx<ChosenSubject[]>`
    SELECT seq, state IN ('proposed', 'resolved', 'soft_deleted', 'attached') AS open,
           state IN ('claimed', 'deleted', 'partially_deleted') AS past, array_agg(position ORDER BY position) AS positions
    FROM lethe.subjects JOIN lethe.matches USING (request_id, seq)
    WHERE request_id = ${requestId} AND (${positions}::integer[] IS NULL OR position = ANY(${positions}::integer[]))
    GROUP BY seq, state ORDER BY seq`;
