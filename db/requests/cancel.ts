import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { raiseEpoch } from '../exports/epoch.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { intArray } from '../sql.ts';
import { cancelSubjects } from '../subjects/ownership.ts';
import { readRequestRow } from './row.ts';

export interface Cancellation {
  readonly requestId: string;
  /** Submitted positions. A subject that several positions name is cancelled by any of them. */
  readonly positions: readonly number[] | 'all';
  readonly actor: string;
  readonly at: Date;
}
export interface Cancelled {
  readonly cancelled: number;
  /** The first of the positions whose subjects are claimed or deleted, and their number. */
  readonly tooLate: readonly number[];
  readonly tooLateCount: number;
  readonly wake: readonly string[];
}

const POSITIONS_NAMED = 1_000;

/**
 * Cancels the whole request or some positions, as far as they are not claimed (rule 6). Throws `too_late` if nothing of
 * them can be cancelled any more.
 */
export async function cancelRequest(
  database: Database,
  window: RunWindow,
  cancellation: Cancellation,
): Promise<Cancelled> {
  const { requestId, positions, actor, at } = cancellation;
  const { project } = await readRequestRow(database, requestId);
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'the request has ended');
    const named = positions === 'all' ? null : positions;
    const ofThese = sql`request_id = ${requestId} AND (${intArray(named)} IS NULL OR position = ANY(${intArray(named)}))`;
    const late = sql`
      SELECT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
      WHERE ${ofThese} AND state IN ('claimed', 'deleted', 'partially_deleted')`;
    const tooLate = await firstOf(tx, late);
    const early = request.resolvedAt === null;
    if (named === null && early) await tx.update(requests).set({ cancelledAt: at }).where(eq(requests.id, requestId));
    const { count: withdrawn } = await tx
      .update(submittedIdentities)
      .set({ withdrawnAt: at })
      .where(
        and(
          ofThese,
          isNull(submittedIdentities.withdrawnAt),
          sql`NOT EXISTS (SELECT FROM (${late}) late WHERE late.position = ${submittedIdentities.position})`,
        ),
      );
    const chosen = sql`SELECT seq FROM ${matches} WHERE ${ofThese}`;
    const { cancelled: subjectCount, wake } = await cancelSubjects(tx, { requestId, chosen, at, window });
    if (subjectCount === 0 && !early)
      throw new DomainError('too_late', 'what was named is claimed, deleted, exported or cancelled already');
    if (request.kind === 'export' && subjectCount > 0) await raiseEpoch(tx, requestId);
    const cancelled = early ? withdrawn : subjectCount;
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
  const rows = await tx.execute<{ position: number; count: number }>(sql`
    SELECT position, count(*) OVER () AS count FROM (${late} GROUP BY position) late
    ORDER BY position LIMIT ${POSITIONS_NAMED}`);
  return { tooLate: rows.map((row) => row.position), tooLateCount: rows[0]?.count ?? 0 };
}
