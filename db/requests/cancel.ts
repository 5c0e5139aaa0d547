import { type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { RunWindow } from '../../domain/calendar.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { matches, subjects } from '../schema/subjects.ts';
import { intArray } from '../sql.ts';
import { raiseEpoch } from '../exports/epoch.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow } from './row.ts';
import { withdrawSubjects } from '../subjects/cancel-subjects.ts';

export interface Cancellation {
  readonly requestId: string;
  /** Positions as they were submitted; a subject that several positions name is cancelled by any of them. */
  readonly positions: readonly number[] | 'all';
  readonly actor: string;
  readonly at: Date;
}
export interface Cancelled {
  readonly cancelled: number;
  /** The first of the positions whose subjects are claimed or deleted, and how many there are. */
  readonly tooLate: readonly number[];
  readonly tooLateCount: number;
  readonly wake: readonly string[];
}

const POSITIONS_NAMED = 1_000;

/**
 * Whoever asks before the claim wins; nothing that is claimed can be taken back (rule 6). Throws `too_late` when
 * nothing of what was asked can be cancelled any more.
 */
export async function cancelSubjects(
  database: Database,
  window: RunWindow,
  cancellation: Cancellation,
): Promise<Cancelled> {
  const { requestId, positions, actor, at } = cancellation;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'the request has ended');
    const named = positions === 'all' ? null : (positions as number[]);
    const ofThese = sql`request_id = ${requestId} AND (${intArray(named)} IS NULL OR position = ANY(${intArray(named)}))`;
    const late = sql`
      SELECT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
      WHERE ${ofThese} AND state IN ('claimed', 'deleted', 'partially_deleted')`;
    const tooLate = await firstOf(tx, late);
    const early = request.resolvedAt === null;
    if (named === null && early) await tx`UPDATE lethe.requests SET cancelled_at = ${at} WHERE id = ${requestId}`;
    const taken = await tx`UPDATE lethe.submitted_identities SET withdrawn_at = ${at}
      WHERE ${ofThese} AND withdrawn_at IS NULL
        AND NOT EXISTS (SELECT FROM (${late}) late WHERE late.position = submitted_identities.position)`;
    const chosen = sql`SELECT seq FROM ${matches} WHERE ${ofThese}`;
    const { withdrawn, wake } = await withdrawSubjects(tx, { requestId, chosen, at, window });
    if (withdrawn === 0 && !early)
      throw new DomainError('too_late', 'what was named is claimed, deleted, exported or cancelled already');
    if (request.kind === 'export' && withdrawn > 0) await raiseEpoch(tx, requestId);
    const cancelled = early ? taken.count : withdrawn;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor,
      action: 'subjects.cancelled',
      detail: { count: cancelled, all: named === null },
    });
    await raiseWake(tx, [requestId, ...wake]);
    return { cancelled, ...tooLate, wake: [requestId, ...wake] };
  });
}

async function firstOf(tx: Transaction, late: SQL): Promise<Pick<Cancelled, 'tooLate' | 'tooLateCount'>> {
  const rows = await tx<{ position: number; count: number }[]>`
    SELECT position, count(*) OVER () AS count FROM (${late} GROUP BY position) late
    ORDER BY position LIMIT ${POSITIONS_NAMED}`;
  return { tooLate: rows.map((row) => row.position), tooLateCount: rows[0]?.count ?? 0 };
}
