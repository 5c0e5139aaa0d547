import { earliest, type RunWindow } from '../../domain/calendar.ts';
import type { View } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { announce } from '../notifications/enqueue.ts';
import { notBackedUp, waitsForBackup } from '../backups/pending.ts';
import type { Database, Transaction } from '../client.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { closeBatches } from './close-batches.ts';
import { settleConfirmation } from '../requests/confirmation.ts';
import { underProjectLock } from '../project-lock.ts';
import { readAttention } from '../attention/read.ts';
import { readRequestRow, type RequestRow } from '../requests/row.ts';
import { processorsBehind, settleVisibility } from '../subjects/visibility.ts';

/** Brings the request's states up to what has happened, notes the wake as seen, and tells what is next. */
export async function look(
  database: Database,
  input: { readonly requestId: string; readonly asOf: Date; readonly window: RunWindow },
): Promise<View> {
  const { requestId, asOf, window } = input;
  const { project } = await readRequestRow(database, requestId);
  return underProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    const ended = request.concludedAt !== null;
    const freed = ended ? [] : await settleVisibility(tx, { project, requestId, at: asOf, window });
    const shared = ended ? [] : await closeBatches(tx, project, requestId, asOf);
    const confirmation = ended ? null : await settleConfirmation(tx, request, asOf);
    const work = await openWork(tx, requestId, asOf);
    const waiting = await waitingSubjects(tx, project, requestId, asOf);
    const attention = await attentionOf(tx, requestId, asOf);
    const status =
      ended || request.resolvedAt === null
        ? request.status
        : (confirmation?.status ?? workStatus(work.states, waiting, request));
    await tx`UPDATE lethe.requests SET status = ${status}, wake_seen = greatest(wake_seen, ${request.wakeVersion}), attended_at = ${asOf}
      WHERE id = ${requestId}`;
    if (status !== request.status) await announce(tx, requestId, asOf);
    const backup = !ended && (await wantsBackup(tx, request, waiting, attention.backupMissing));
    const nextAt = earliest([waiting.nextAt, attention.retryAt, confirmation?.until ?? null]);
    return {
      status,
      ended,
      resolved: request.resolvedAt !== null,
      cancelled: request.cancelledAt !== null,
      ...(confirmation === null ? {} : { confirmation: confirmation.view }),
      unknown: waiting.unknown,
      ...(backup ? { backup } : {}),
      ...(waiting.unsaved > 0 ? { unsaved: waiting.unsaved } : {}),
      concludable:
        !ended &&
        waiting.open === 0 &&
        work.states.size === 0 &&
        !attention.blocksConclusion &&
        (request.resolvedAt !== null || request.cancelledAt !== null),
      due: attention.blocks ? 0 : waiting.due,
      held: waiting.held,
      open: waiting.open,
      subjects: waiting.subjects,
      behind: await processorsBehind(tx, requestId, asOf),
      work: work.runnable,
      attention: attention.rows,
      nextAt: nextAt?.getTime() ?? null,
      wake: [...new Set([...freed, ...shared])],
    };
  });
}

const workStatus = (states: ReadonlySet<string>, { open }: Waiting, { status }: RequestRow): Status => {
  if (['pending', 'deleting', 'attention'].some((state) => states.has(state))) return 'deleting';
  if (states.has('verifying')) return 'verifying';
  // Between the last verification and the receipt nobody waits for a run any more.
  if (open > 0) return 'grace';
  return status === 'deleting' ? 'verifying' : status;
};

async function openWork(tx: Transaction, requestId: string, asOf: Date) {
  const rows = await tx<{ processor: string; batch: number; state: string; runnable: boolean }[]>`
    SELECT processor, batch, state, state <> 'attention' OR EXISTS (
             SELECT FROM lethe.attention WHERE attention.request_id = work.request_id AND attention.processor = work.processor
               AND attention.batch = work.batch AND step IN ('delete', 'verify') AND retry_at <= ${asOf}) AS runnable
    FROM lethe.batch_work work
    WHERE request_id = ${requestId} AND state IN ('pending', 'deleting', 'verifying', 'attention')
    ORDER BY batch, processor`;
  const runnable = rows.filter((row) => row.runnable).map(({ processor, batch }) => ({ processor, batch }));
  return { runnable, states: new Set(rows.map((row) => row.state)) };
}

interface Waiting {
  readonly due: number;
  readonly held: number;
  readonly open: number;
  readonly subjects: number;
  readonly unknown: number;
  /** They may not be claimed before they are in an archive. */
  readonly unsaved: number;
  readonly nextAt: Date | null;
}

async function waitingSubjects(tx: Transaction, project: string, requestId: string, asOf: Date): Promise<Waiting> {
  const [row] = await tx<Waiting[]>`
    WITH held AS MATERIALIZED (${heldSubjects(project)}),
    subject AS (
      SELECT state, known, present, hard_delete_at, held.seq IS NOT NULL AS held,
             state IN ('resolved', 'soft_deleted', 'scheduled') AND ${waitsForBackup(project)} AS unsaved
      FROM lethe.subjects LEFT JOIN held ON held.request_id = subjects.request_id AND held.seq = subjects.seq
      WHERE subjects.request_id = ${requestId})
    SELECT count(*) AS subjects,
           count(*) FILTER (WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'cancelling', 'attached')) AS open,
           count(*) FILTER (WHERE state = 'resolved' AND NOT known AND present IS NOT TRUE) AS unknown,
           count(*) FILTER (WHERE held AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')) AS held,
           count(*) FILTER (WHERE state IN ('soft_deleted', 'scheduled') AND NOT held AND NOT unsaved AND hard_delete_at <= ${asOf}) AS due,
           count(*) FILTER (WHERE unsaved) AS unsaved,
           min(hard_delete_at) FILTER (WHERE state IN ('resolved', 'soft_deleted', 'scheduled') AND NOT held AND NOT unsaved AND hard_delete_at > ${asOf}) AS next_at
    FROM subject`;
  return row ?? { due: 0, held: 0, open: 0, subjects: 0, unknown: 0, unsaved: 0, nextAt: null };
}

/** In one archive, as far as that can be: nothing is exported before everybody was looked for. */
async function wantsBackup(
  tx: Transaction,
  { id, exportFirst, resolvedAt }: RequestRow,
  { unknown }: Waiting,
  missing: boolean,
): Promise<boolean> {
  if (!exportFirst || resolvedAt === null || unknown > 0 || missing) return false;
  const chosen = await tx`SELECT FROM (${notBackedUp(id)}) chosen LIMIT 1`;
  return chosen.count > 0;
}

async function attentionOf(tx: Transaction, requestId: string, asOf: Date) {
  const { rows, later } = await readAttention(tx, requestId, asOf);
  return {
    rows: rows.map(({ processor, code }) => ({ processor, code })),
    blocksConclusion: later.some((row) => row.step === 'conclude'),
    blocks: later.some((row) => row.step === 'resolve' || row.step === 'inspect'),
    backupMissing: rows.some((row) => row.code === 'backup_missing'),
    // An export tries again by itself.
    retryAt: earliest(later.map((row) => (row.step === 'backup' ? null : row.retryAt))),
  };
}
