import { DAY_MS } from '../../domain/calendar.ts';
import type { Task, Tasks } from '../../domain/tasks/task.ts';
import {
  type Batch,
  type BlockedSubject,
  type ConnectorContext,
  ConnectorError,
  type Deletion,
  type HardDeletion,
  type RangeKey,
} from '../connector.ts';
import { type ManualSettings, subjectsPerTask, withinMs } from './settings.ts';

/** How long Lethe waits for a late task. Its answer ends the wait at once. */
const LATE_MS = 30 * DAY_MS;

interface Context {
  readonly settings: ManualSettings;
  readonly tasks: Tasks | undefined;
}

/**
 * Opens one task per range and waits for its answer. When a task becomes late, Lethe calls this once more, which announces
 * it. A range whose task is answered is finished, except the subjects for which it was not possible.
 */
export async function hardDelete(
  { settings, tasks }: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  if (tasks === undefined)
    throw new ConnectorError('refused', 'the system has no ledger for its tasks', { retryable: false });
  const waits: Date[] = [];
  const answers: { readonly id: string; readonly task: Task }[] = [];
  for (const range of rangesOf(batch, subjectsPerTask(settings))) {
    activity.signal.throwIfAborted();
    activity.heartbeat();
    const id = await openTask({ settings, tasks }, batch, deletion, range);
    if (id === null) continue;
    const task = await tasks.read(id);
    if (task.answeredAt !== null) {
      await report(batch, deletion, range, task);
      answers.push({ id, task });
    } else if (task.seqs.length > 0) {
      const isLate = deletion.at >= task.dueAt;
      if (isLate) await tasks.remind(id, deletion.at);
      waits.push(isLate ? new Date(deletion.at.getTime() + LATE_MS) : task.dueAt);
    }
  }
  const [earliest] = waits.toSorted((a, b) => a.getTime() - b.getTime());
  if (earliest !== undefined) return { continueAt: earliest };
  const blocked = answers.flatMap(blockedOf);
  // Nothing is stated where it was possible for no subject.
  const statements = answers.filter(({ task }) => task.notPossible.length < task.seqs.length);
  const attestedAt = statements.map(({ task }) => task.answeredAt?.getTime() ?? 0).reduce((a, b) => Math.max(a, b), 0);
  return {
    done: true,
    ...(blocked.length > 0 && { blocked }),
    ...(attestedAt > 0 && { attestedAt: new Date(attestedAt) }),
  };
}

/** The range keeps the id of its task as ticket. A call that ended before it was kept finds the same task. */
async function openTask(
  { settings, tasks }: { readonly settings: ManualSettings; readonly tasks: Tasks },
  batch: Batch,
  deletion: HardDeletion,
  range: RangeKey,
): Promise<string | null> {
  const isOfRange = (own: RangeKey): boolean => own.firstSeq === range.firstSeq && own.lastSeq === range.lastSeq;
  const kept = deletion.tickets.find((each) => isOfRange(each.range));
  if (kept !== undefined) return kept.ticket;
  const id = await tasks.open({
    requestId: batch.requestId,
    batch: Number(batch.batch.replace(/^b/, '')),
    pass: deletion.pass,
    firstSeq: range.firstSeq,
    lastSeq: range.lastSeq,
    except: batch.except ?? [],
    instruction: settings.erase,
    notify: settings.notify ?? null,
    withinMs: withinMs(settings),
    at: deletion.at,
  });
  if (id !== null && !deletion.isFinished(range)) await deletion.keepTicket(range, id);
  return id;
}

function* rangesOf({ firstSeq, lastSeq }: Batch, size: number): Generator<RangeKey> {
  for (let first = firstSeq; first <= lastSeq; first += size)
    yield { firstSeq: first, lastSeq: Math.min(first + size - 1, lastSeq), part: 0 };
}

/** A person says what was asked for, not how much there was. */
async function report(batch: Batch, deletion: HardDeletion, range: RangeKey, task: Task): Promise<void> {
  for (const { key, requested } of finishedOf(range, task)) {
    if (deletion.isFinished(key)) continue;
    const tables = [{ table: batch.kind, removed: null, requested, retained: [] }];
    await deletion.onRangeFinished({ ...key, tables, retained: [] });
  }
}

/** The whole range, or the runs of subjects between those for which it was not possible. */
function finishedOf(range: RangeKey, { seqs, notPossible, isWhole }: Task): { key: RangeKey; requested: number }[] {
  if (isWhole && notPossible.length === 0) return [{ key: range, requested: seqs.length }];
  const left = new Set(notPossible);
  const runs: number[][] = [[]];
  for (const seq of seqs)
    if (left.has(seq)) runs.push([]);
    else runs.at(-1)?.push(seq);
  return runs.flatMap((run) => {
    const [firstSeq, lastSeq] = [run[0], run.at(-1)];
    return firstSeq === undefined || lastSeq === undefined
      ? []
      : [{ key: { firstSeq, lastSeq, part: 0 }, requested: run.length }];
  });
}

/** The task has the reason. */
const blockedOf = ({ id, task }: { readonly id: string; readonly task: Task }): BlockedSubject[] =>
  task.notPossible.map((seq) => ({ seq, table: id, constraint: 'not_possible' }));
