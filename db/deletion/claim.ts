import { and, eq, inArray, lte, type SQL, sql } from 'drizzle-orm';
import { nextRunAfter, runAtOrBefore } from '../../domain/calendar.ts';
import type { Policy } from '../../domain/policy.ts';
import { blockedSteps } from '../attention/waits.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { waitsForBackup } from '../backups/pending.ts';
import type { Database, Transaction } from '../client.ts';
import { removeClaimedFromExports } from '../exports/remove-claimed.ts';
import { isHeld } from '../holds/held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { IS_WAITING, subjects } from '../schema/subjects.ts';
import { batchWork, systemVisibility, runs } from '../schema/work.ts';

/** The result of a claim. */
export interface Claim {
  readonly claimed: number;
  /** Due subjects over the quota, which are moved to the next run. */
  readonly leftForNextRun: number;
  /** Exports that do not contain the claimed subjects any more (rule 17). */
  readonly wake: readonly string[];
}

/**
 * Claims due subjects of a request, up to the quota of the run: the point of no return. Leaves out held subjects and
 * those that wait for a backup. Idempotent (rules 2, 6, 12).
 */
export async function claim(
  database: Database,
  policy: Policy,
  input: { readonly requestId: string; readonly asOf: Date },
): Promise<Claim> {
  const { requestId, asOf } = input;
  const { project } = await readRequestRow(database, requestId);
  const runAt = new Date(runAtOrBefore(asOf.getTime(), policy.window));
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null || request.systems === null || (await isBlocked(tx, requestId, asOf)))
      return { claimed: 0, leftForNextRun: 0, wake: [] };
    const quota = policy.quotaPerRun === null ? null : policy.quotaPerRun - (await readBooked(tx, project, runAt));
    const [{ batch } = { batch: 1 }] = await tx
      .select({ batch: sql<number>`coalesce(max(${subjects.batch}), 0) + 1` })
      .from(subjects)
      .where(eq(subjects.requestId, requestId));
    const counts = await tx.execute<{ claimed: number; firstSeq: number; lastSeq: number }>(sql`
      WITH ranked AS MATERIALIZED (${quota === null ? selectDue(project, requestId, asOf) : rankDue(project, requestId, asOf, quota)}),
      claimed AS (
        UPDATE ${subjects} SET state = 'claimed', batch = ${batch}, claimed_at = ${asOf}
        FROM ranked WHERE subjects.request_id = ${requestId} AND subjects.seq = ranked.seq
        RETURNING subjects.seq)
      SELECT count(*) AS claimed, min(seq) AS first_seq, max(seq) AS last_seq FROM claimed`);
    const [{ claimed, firstSeq, lastSeq } = { claimed: 0, firstSeq: 0, lastSeq: 0 }] = counts;
    const leftForNextRun = await moveToNextRun(tx, project, { requestId, asOf, policy });
    if (claimed === 0) return { claimed, leftForNextRun, wake: [] };
    await tx
      .insert(runs)
      .values({ project, runAt, booked: claimed })
      .onConflictDoUpdate({
        target: [runs.project, runs.runAt],
        set: { booked: sql`${runs.booked} + excluded.booked` },
      });
    await tx.execute(sql`INSERT INTO ${batchWork} (request_id, batch, system, state, first_seq, last_seq, size, skip_reason, skipped_by)
      SELECT ${requestId}, ${batch}, system, CASE WHEN skipped_at IS NULL THEN 'pending' ELSE 'skipped' END,
             ${firstSeq}, ${lastSeq}, ${claimed}, skip_reason, skipped_by
      FROM ${systemVisibility} WHERE request_id = ${requestId}`);
    const detail = { batch, count: claimed, firstSeq, lastSeq, run: runAt.toISOString(), leftForNextRun };
    await recordAudit(tx, { at: asOf, project, requestId, actor: LETHE, action: 'subjects.claimed', detail });
    const wake = await removeClaimedFromExports(tx, {
      project,
      requestId,
      batch,
      deletesAllData: request.scope === 'data',
      at: asOf,
    });
    return { claimed, leftForNextRun, wake };
  });
}

const isDue = (project: string, asOf: Date): SQL => sql`
  state IN ('soft_deleted', 'scheduled') AND subjects.hard_delete_at <= ${asOf}
  AND NOT ${isHeld(project, 'subjects')} AND NOT ${waitsForBackup(project)}`;

const selectDue = (project: string, requestId: string, asOf: Date): SQL => sql`
  SELECT seq FROM ${subjects} WHERE request_id = ${requestId} AND ${isDue(project, asOf)}`;

/**
 * Ranks the due subjects of all requests and selects only this request's, so that the order of the workflows does not
 * matter. Reads every due subject of the project.
 */
const rankDue = (project: string, requestId: string, asOf: Date, quota: number): SQL => sql`
  SELECT seq FROM (
    SELECT subjects.request_id, seq,
           row_number() OVER (ORDER BY expedited DESC, request.due_at, subjects.request_id, seq) AS rank
    FROM ${subjects} CROSS JOIN LATERAL (SELECT due_at FROM ${requests} WHERE id = subjects.request_id OFFSET 0) request
    WHERE subjects.project = ${project} AND ${sql.raw(IS_WAITING)} AND ${isDue(project, asOf)}) ranked
  WHERE request_id = ${requestId} AND rank <= ${quota}::bigint`;

/** Whether the resolution or the inspection of the systems before the claim needs an operator (rule 5). */
async function isBlocked(tx: Transaction, requestId: string, asOf: Date): Promise<boolean> {
  const rows = await tx.execute<never>(sql`
    SELECT FROM ${blockedSteps}
    WHERE request_id = ${requestId} AND step IN ('resolve', 'inspect') AND coalesce(retry_at > ${asOf}, true) LIMIT 1`);
  return rows.count > 0;
}

async function readBooked(tx: Transaction, project: string, runAt: Date): Promise<number> {
  const [row] = await tx
    .select({ booked: runs.booked })
    .from(runs)
    .where(and(eq(runs.project, project), eq(runs.runAt, runAt)));
  return row?.booked ?? 0;
}

/** Moves due subjects that were not claimed to the next run. `hard_delete_at` is always the run that may claim. */
async function moveToNextRun(
  tx: Transaction,
  project: string,
  { requestId, asOf, policy }: { readonly requestId: string; readonly asOf: Date; readonly policy: Policy },
): Promise<number> {
  if (policy.window === null) return 0;
  const nextRun = new Date(nextRunAfter(asOf.getTime(), policy.window));
  const moved = await tx
    .update(subjects)
    .set({ hardDeleteAt: nextRun })
    .where(
      and(
        eq(subjects.requestId, requestId),
        inArray(subjects.state, ['soft_deleted', 'scheduled']),
        lte(subjects.hardDeleteAt, asOf),
        sql`NOT ${isHeld(project, 'subjects')}`,
        sql`NOT ${waitsForBackup(project)}`,
      ),
    );
  if (moved.count > 0) {
    const completion = new Date(nextRun.getTime() + policy.settleMs);
    await tx
      .update(requests)
      .set({ estimatedCompletionAt: sql`greatest(${requests.estimatedCompletionAt}, ${completion})` })
      .where(eq(requests.id, requestId));
  }
  return moved.count;
}
