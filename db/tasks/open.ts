import { and, eq, sql } from 'drizzle-orm';
import { newId } from '../../domain/ids.ts';
import { type NewTask, type Task, type Tasks, fillIn } from '../../domain/tasks/task.ts';
import { utcText } from '../../domain/wording/format.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { enqueueTaskNotifications } from '../notifications/enqueue.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { manualTasks } from '../schema/tasks.ts';
import { batchWork } from '../schema/work.ts';
import { intArray } from '../sql.ts';
import { transaction } from '../transaction.ts';

interface SystemName {
  readonly project: string;
  readonly system: string;
}

/** The tasks of one system, for its connector. */
export const ledgerTasks = (database: Database, name: SystemName): Tasks => ({
  open: (task) => openTask(database, name, task),
  read: (id) => readTask(database, id),
  remind: (id, at) => remind(database, id, at),
});

/** Opens the task of a range, unless it exists or the work on the batch has ended. Idempotent. */
async function openTask(database: Database, { project, system }: SystemName, task: NewTask): Promise<string | null> {
  const { requestId, batch, pass, firstSeq, lastSeq, except, at } = task;
  const ofRange = and(
    eq(manualTasks.requestId, requestId),
    eq(manualTasks.system, system),
    eq(manualTasks.batch, batch),
    eq(manualTasks.pass, pass),
    eq(manualTasks.firstSeq, firstSeq),
  );
  return transaction(database, async (tx) => {
    // A skip of the system waits until the task is stored, and then closes it.
    const [work] = await tx
      .select({ state: batchWork.state })
      .from(batchWork)
      .where(and(eq(batchWork.requestId, requestId), eq(batchWork.system, system), eq(batchWork.batch, batch)))
      .for('update');
    const [existing] = await tx.select({ id: manualTasks.id }).from(manualTasks).where(ofRange);
    if (existing !== undefined) return existing.id;
    const [range] = await tx.execute<{ seqs: readonly number[]; dueAt: Date }>(sql`
      SELECT coalesce(array_agg(seq ORDER BY seq), '{}') AS seqs, (SELECT due_at FROM ${requests} WHERE id = ${requestId}) AS due_at
      FROM ${subjects}
      WHERE request_id = ${requestId} AND batch = ${batch} AND state = 'claimed' AND seq BETWEEN ${firstSeq} AND ${lastSeq}
        AND seq <> ALL (${intArray(except)})`);
    if (range === undefined || range.seqs.length === 0) return null;
    const id = newId('task', at.getTime());
    const dueAt = dueOf(task, range.dueAt);
    const isNeeded = work !== undefined && ['pending', 'deleting', 'attention'].includes(work.state);
    const facts = {
      project,
      system,
      request: requestId,
      subjects: String(range.seqs.length),
      due: utcText(dueAt.getTime()),
    };
    const { withinMs, notify } = task;
    await tx.insert(manualTasks).values({
      id,
      project,
      system,
      requestId,
      batch,
      pass,
      firstSeq,
      lastSeq,
      notify,
      withinMs,
      dueAt,
      seqs: [...range.seqs],
      instruction: fillIn(task.instruction, facts),
      openedAt: at,
      state: isNeeded ? 'open' : 'closed',
    });
    if (isNeeded) await announce(tx, { id, project, requestId, system, notify, subjects: range.seqs.length }, at);
    return id;
  });
}

interface Announced extends SystemName {
  readonly id: string;
  readonly requestId: string;
  readonly notify: string | null;
  readonly subjects: number;
}

/** Records and announces that a task is open. `action`: whether it was answered before. */
export async function announce(
  tx: Transaction,
  task: Announced,
  at: Date,
  by: { readonly action: 'task.opened' | 'task.reopened'; readonly actor: string } = {
    action: 'task.opened',
    actor: LETHE,
  },
): Promise<void> {
  const { id, project, requestId, system, subjects: count } = task;
  await recordAudit(tx, { at, project, requestId, ...by, detail: { task: id, system, subjects: count } });
  await enqueueTaskNotifications(tx, task, 'task.opened', at);
}

/** The time that the configuration gives, but no later than the deadline of the request. */
export const dueOf = ({ at, withinMs }: Pick<NewTask, 'at' | 'withinMs'>, deadline: Date): Date =>
  new Date(Math.min(at.getTime() + withinMs, deadline.getTime()));

async function readTask(queries: Queries, id: string): Promise<Task> {
  const { state, dueAt, seqs, notPossible, answeredAt, reopened } = manualTasks;
  const [task] = await queries
    .select({ state, dueAt, seqs, notPossible, answeredAt, isWhole: sql<boolean>`${reopened} = 0` })
    .from(manualTasks)
    .where(eq(manualTasks.id, id));
  if (task === undefined) throw new Error('the task does not exist');
  return task;
}

/** Announces an open task that is late, once. */
async function remind(database: Database, id: string, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const [task] = await tx
      .update(manualTasks)
      .set({ remindedAt: at })
      .where(
        and(
          eq(manualTasks.id, id),
          eq(manualTasks.state, 'open'),
          sql`${manualTasks.remindedAt} IS NULL AND ${manualTasks.dueAt} <= ${at}`,
        ),
      )
      .returning();
    if (task === undefined) return;
    const { project, requestId, system, seqs } = task;
    const detail = { task: id, system, subjects: seqs.length };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'task.reminded', detail });
    await enqueueTaskNotifications(tx, task, 'task.overdue', at);
  });
}
