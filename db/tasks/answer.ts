import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { TaskState } from '../../domain/vocabulary.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { manualTasks } from '../schema/tasks.ts';
import { batchWork, blockedSubjects } from '../schema/work.ts';
import { intArray, textArray } from '../sql.ts';
import { announce, dueOf } from './open.ts';

/** What a member says about a task. `subjects`: those for which it is not possible, or null for all. */
export interface TaskAnswer {
  readonly project: string;
  readonly id: string;
  readonly answer:
    | { readonly state: 'done' }
    | { readonly state: 'not_possible'; readonly reason: string; readonly subjects: readonly number[] | null };
  readonly actor: string;
  readonly at: Date;
}

/**
 * Ends an open task, and the wait of its batch. A repetition of the same answer changes nothing. Throws `task_not_found`, or
 * `task_not_open` for another answer.
 */
export async function answerTask(
  database: Database,
  { project, id, answer, actor, at }: TaskAnswer,
): Promise<{ readonly wake: readonly string[] }> {
  return withProjectLock(database, project, async (tx) => {
    const [task] = await tx
      .select()
      .from(manualTasks)
      .where(and(eq(manualTasks.id, id), eq(manualTasks.project, project)))
      .for('update');
    if (task === undefined) throw taskNotFound();
    if (task.state === answer.state) return { wake: [] };
    if (task.state !== 'open') throw notOpen(task.state);
    const isDone = answer.state === 'done';
    const notPossible = isDone ? [] : [...new Set(answer.subjects ?? task.seqs)].toSorted((a, b) => a - b);
    const reason = isDone ? null : answer.reason;
    await tx
      .update(manualTasks)
      .set({ state: answer.state, reason, notPossible, answeredAt: at, answeredBy: actor })
      .where(eq(manualTasks.id, id));
    await endWait(tx, task);
    const { requestId, system, seqs } = task;
    const action = isDone ? 'task.done' : 'task.declined';
    const detail = {
      task: id,
      system,
      subjects: seqs.length,
      ...(isDone ? {} : { blocked: notPossible.length, reason }),
    };
    await recordAudit(tx, { at, project, requestId, actor, action, detail });
    await raiseWake(tx, [requestId]);
    return { wake: [requestId] };
  });
}

export const taskNotFound = (): DomainError =>
  new DomainError('task_not_found', 'The project has no task with this id. Nothing was changed; check the id.');

const notOpen = (state: TaskState): DomainError =>
  new DomainError(
    'task_not_open',
    state === 'closed'
      ? 'The task is not needed any more. Nothing was changed.'
      : `The task was already answered with ${state}. Nothing was changed; retry the system to open it again.`,
    { state },
  );

/** Lets the child workflow of the batch ask its connector now. An attempt that read the task before is ignored. */
const endWait = (
  tx: Transaction,
  { requestId, system, batch }: { readonly requestId: string; readonly system: string; readonly batch: number },
) =>
  tx
    .update(batchWork)
    .set({
      dueAt: null,
      retries: sql`${batchWork.retries} + 1`,
      attempt: sql`CASE WHEN ${batchWork.attempt} IS NOT NULL THEN 'replaced' END`,
    })
    .where(
      and(
        eq(batchWork.requestId, requestId),
        eq(batchWork.system, system),
        eq(batchWork.batch, batch),
        inArray(batchWork.state, ['pending', 'deleting']),
      ),
    );

/** Opens tasks that were not possible again, for the subjects that are still blocked, because an operator retries. */
export async function reopenTasks(
  tx: Transaction,
  retry: { readonly requestId: string; readonly systems: readonly string[]; readonly actor: string; readonly at: Date },
): Promise<void> {
  const { requestId, systems, actor, at } = retry;
  const [request] = await tx.select({ dueAt: requests.dueAt }).from(requests).where(eq(requests.id, requestId));
  const tasks = await tx.execute<{ id: string; seqs: readonly number[]; withinMs: number }>(sql`
    SELECT id, within_ms, ARRAY(
      SELECT seq FROM ${blockedSubjects} blocked
      WHERE blocked.request_id = ${requestId} AND blocked.batch = manual_tasks.batch AND blocked.system = manual_tasks.system
        AND cancelled_at IS NULL AND seq = ANY (not_possible) ORDER BY seq) AS seqs
    FROM ${manualTasks}
    WHERE request_id = ${requestId} AND system = ANY (${textArray(systems)}) AND state = 'not_possible' ORDER BY id FOR UPDATE`);
  for (const { id, seqs, withinMs } of tasks) {
    if (seqs.length === 0) continue;
    const dueAt = dueOf({ at, withinMs: Number(withinMs) }, request?.dueAt ?? at);
    const [task] = await tx
      .update(manualTasks)
      .set({
        state: 'open',
        openedAt: at,
        dueAt,
        seqs: [...seqs],
        notPossible: [],
        reopened: sql`${manualTasks.reopened} + 1`,
        reason: null,
        remindedAt: null,
        answeredAt: null,
        answeredBy: null,
      })
      .where(eq(manualTasks.id, id))
      .returning();
    if (task !== undefined)
      await announce(tx, { ...task, subjects: seqs.length }, at, { action: 'task.reopened', actor });
  }
}

/**
 * Closes the open tasks of a request, of one of its systems, or of one batch there: they are not needed any more. Returns
 * their number.
 */
export async function closeTasks(
  tx: Transaction,
  work: { readonly requestId: string; readonly system?: string; readonly batch?: number },
  at: Date,
): Promise<number> {
  const { requestId, system, batch } = work;
  return close(
    tx,
    and(
      eq(manualTasks.requestId, requestId),
      system === undefined ? undefined : eq(manualTasks.system, system),
      batch === undefined ? undefined : eq(manualTasks.batch, batch),
    ),
    at,
  );
}

/** Takes cancelled subjects out of open tasks, and closes those that have none left. */
export async function dropFromTasks(
  tx: Transaction,
  { requestId, seqs, at }: { readonly requestId: string; readonly seqs: readonly number[]; readonly at: Date },
): Promise<void> {
  const changed = await tx
    .update(manualTasks)
    .set({ seqs: sql`ARRAY(SELECT unnest(seqs) EXCEPT SELECT unnest(${intArray(seqs)}) ORDER BY 1)` })
    .where(
      and(
        eq(manualTasks.requestId, requestId),
        eq(manualTasks.state, 'open'),
        sql`${manualTasks.seqs} && ${intArray(seqs)}`,
      ),
    )
    .returning();
  await close(tx, and(eq(manualTasks.requestId, requestId), sql`${manualTasks.seqs} = '{}'`), at);
  for (const task of changed) await endWait(tx, task);
}

async function close(tx: Transaction, condition: SQL | undefined, at: Date): Promise<number> {
  const closed = await tx
    .update(manualTasks)
    .set({ state: 'closed' })
    .where(and(eq(manualTasks.state, 'open'), condition))
    .returning();
  for (const { id, project, requestId, system } of closed)
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor: LETHE,
      action: 'task.closed',
      detail: { task: id, system },
    });
  return closed.length;
}
