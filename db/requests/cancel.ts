import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { RunWindow } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { concludeLocked } from '../deletion/conclude.ts';
import { releaseBlocked } from '../deletion/release-blocked.ts';
import { concludeLocked as concludeExportLocked } from '../exports/conclude.ts';
import { raiseEpoch } from '../exports/epoch.ts';
import { withProjectLock } from '../project-lock.ts';
import { DISPATCHED_SOON } from '../schema/lethe.ts';
import { requests } from '../schema/requests.ts';
import { matches, subjects, submittedIdentities } from '../schema/subjects.ts';
import { intArray } from '../sql.ts';
import { cancelSubjects } from '../subjects/ownership.ts';
import { readRequestRow, type RequestRow } from './row.ts';

/** The cancellation of a request, or of some of its positions. */
export interface Cancellation {
  readonly requestId: string;
  /** Submitted positions. A subject of several positions is cancelled by any of them. */
  readonly positions: readonly number[] | 'all';
  readonly actor: string;
  readonly at: Date;
}
/** The result of a cancellation. */
export interface Cancelled {
  /** The number of cancelled subjects. Before the request is resolved, of cancelled positions. */
  readonly cancelled: number;
  /** The first positions whose subjects are claimed or deleted. */
  readonly tooLate: readonly number[];
  /** The number of all such positions. */
  readonly tooLateCount: number;
  readonly wake: readonly string[];
}

const MAX_LISTED_POSITIONS = 1_000;

/**
 * Cancels the unclaimed subjects of the request, or of some positions (rule 6), and blocked ones of which no row is deleted
 * in any system (rule 21). A request that no step has read ends at once. Throws `too_late` if no such subject exists.
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
    if (request.concludedAt !== null)
      throw new DomainError('too_late', 'The request has ended. Nothing was cancelled; see its `status`.');
    if (positions === 'all' && (await markCancelledUnread(tx, requestId, at)))
      return endUnread(tx, request, { window, actor, at });
    const listed = positions === 'all' ? null : positions;
    const isListed = listed === null ? sql`true` : sql`position IN (SELECT unnest(${intArray(listed)}))`;
    const isSelected = sql`request_id = ${requestId} AND ${isListed}`;
    const chosen = sql`SELECT seq FROM ${matches} WHERE ${isSelected}`;
    const { keptBy } = await releaseBlocked(tx, { project, requestId, chosen, at });
    const latePositions = sql`
      SELECT position FROM ${matches} JOIN ${subjects} USING (request_id, seq)
      WHERE ${isSelected} AND state IN ('claimed', 'deleted', 'partially_deleted')`;
    const tooLate = await listPositions(tx, latePositions);
    const isUnresolved = request.resolvedAt === null;
    if (listed === null && isUnresolved)
      await tx.update(requests).set({ cancelledAt: at }).where(eq(requests.id, requestId));
    const { count: positionCount } = await tx
      .update(submittedIdentities)
      .set({ withdrawnAt: at })
      .where(
        and(
          isSelected,
          isNull(submittedIdentities.withdrawnAt),
          sql`NOT EXISTS (SELECT FROM (${latePositions}) late WHERE late.position = ${submittedIdentities.position})`,
        ),
      );
    const { cancelled: subjectCount, wake } = await cancelSubjects(tx, { requestId, chosen, at, window });
    if (subjectCount === 0 && !isUnresolved)
      throw new DomainError(
        'too_late',
        keptBy.length === 0
          ? 'All selected subjects are already claimed, deleted, exported or cancelled. Nothing was changed.'
          : `The selected subjects are blocked, but ${keptBy.join(', ')} has deleted data of them, or is trying to. Nothing was changed; remove the obstacle and retry, or skip the blocked system.`,
      );
    if (request.kind === 'export' && subjectCount > 0) await raiseEpoch(tx, requestId);
    const cancelled = isUnresolved ? positionCount : subjectCount;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor,
      action: 'subjects.cancelled',
      detail: { count: cancelled, all: listed === null },
    });
    await raiseWake(tx, [requestId, ...wake]);
    return { cancelled, ...tooLate, wake: [requestId, ...wake] };
  });
}

/**
 * Marks a request as cancelled that no step has read, so that no system has its identities. Returns false if one has. The
 * step that reads it first updates the same row, so one of both waits.
 */
async function markCancelledUnread(tx: Transaction, requestId: string, at: Date): Promise<boolean> {
  const { count } = await tx
    .update(requests)
    .set({
      cancelledAt: at,
      // A workflow that runs ends when it is signaled.
      dispatchAt: sql`CASE WHEN ${requests.startedAt} IS NOT NULL THEN ${DISPATCHED_SOON} END`,
    })
    .where(and(eq(requests.id, requestId), eq(requests.status, 'received'), isNull(requests.resolvedAt)));
  return count > 0;
}

/** Ends a cancelled request without a workflow: nothing is hidden, and no system keeps anything for it. */
async function endUnread(
  tx: Transaction,
  request: RequestRow,
  { window, actor, at }: { readonly window: RunWindow; readonly actor: string; readonly at: Date },
): Promise<Cancelled> {
  const { id: requestId, project, startedAt } = request;
  const { count: cancelled } = await tx
    .update(submittedIdentities)
    .set({ withdrawnAt: at })
    .where(and(eq(submittedIdentities.requestId, requestId), isNull(submittedIdentities.withdrawnAt)));
  const detail = { count: cancelled, all: true };
  await recordAudit(tx, { at, project, requestId, actor, action: 'subjects.cancelled', detail });
  const waiting = request.kind === 'export' ? await concludeExportLocked(tx, request, { at, window }) : [];
  if (request.kind === 'deletion') await concludeLocked(tx, request, { at });
  return { cancelled, tooLate: [], tooLateCount: 0, wake: [...(startedAt === null ? [] : [requestId]), ...waiting] };
}

async function listPositions(
  tx: Transaction,
  latePositions: SQL,
): Promise<Pick<Cancelled, 'tooLate' | 'tooLateCount'>> {
  const rows = await tx.execute<{ position: number; count: number }>(sql`
    SELECT position, count(*) OVER () AS count FROM (${latePositions} GROUP BY position) late
    ORDER BY position LIMIT ${MAX_LISTED_POSITIONS}`);
  return { tooLate: rows.map((row) => row.position), tooLateCount: rows[0]?.count ?? 0 };
}
