import { and, desc, eq, gt, type InferColumnsDataTypes, lt, lte, type SQL, sql } from 'drizzle-orm';
import type { SubjectKind, TaskState } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { manualTasks } from '../schema/tasks.ts';

const { id, system, requestId, batch, instruction, openedAt, dueAt, state, reason, answeredAt, answeredBy } =
  manualTasks;
const columns = { id, system, requestId, batch, instruction, openedAt, dueAt, state, reason, answeredAt, answeredBy };
const selected = {
  ...columns,
  subjectKind: requests.subjectKind,
  subjects: sql<number>`cardinality(${manualTasks.seqs})`,
  notPossible: sql<number>`cardinality(${manualTasks.notPossible})`,
};

/** A task as callers see it, without identities. `subjects` is their number, `notPossible` that of those that remain. */
export type TaskRow = Readonly<
  InferColumnsDataTypes<typeof columns> & { subjectKind: SubjectKind; subjects: number; notPossible: number }
>;

export interface TaskFilter {
  readonly state?: TaskState | undefined;
  readonly system?: string | undefined;
  readonly requestId?: string | undefined;
  /** Whether the task is open and its time is over. */
  readonly overdue?: boolean | undefined;
}

/** A page of a project's tasks. `after` is the last task of the previous page. */
export interface TaskPage {
  readonly project: string;
  readonly filter: TaskFilter;
  readonly after: string | null;
  readonly limit: number;
  readonly at: Date;
}

/** Lists tasks, newest first. IDs are in the order of creation. */
export const listTasks = async (queries: Queries, page: TaskPage): Promise<readonly TaskRow[]> => {
  const { filter } = page;
  return queries
    .select(selected)
    .from(manualTasks)
    .innerJoin(requests, eq(requests.id, manualTasks.requestId))
    .where(
      and(
        eq(manualTasks.project, page.project),
        page.after === null ? undefined : lt(manualTasks.id, page.after),
        filter.state === undefined ? undefined : eq(state, filter.state),
        filter.system === undefined ? undefined : eq(system, filter.system),
        filter.requestId === undefined ? undefined : eq(requestId, filter.requestId),
        filter.overdue === undefined ? undefined : overdueIs(filter.overdue, page.at),
      ),
    )
    .orderBy(desc(manualTasks.id))
    .limit(page.limit);
};

const overdueIs = (overdue: boolean, at: Date): SQL | undefined =>
  overdue
    ? and(eq(manualTasks.state, 'open'), lte(manualTasks.dueAt, at))
    : sql`(${manualTasks.state} <> 'open' OR ${gt(manualTasks.dueAt, at)})`;

/** Reads a task of the project. Null if the project has no task with this id. */
export async function readTaskRow(queries: Queries, project: string, id: string): Promise<TaskRow | null> {
  const [row] = await queries
    .select(selected)
    .from(manualTasks)
    .innerJoin(requests, eq(requests.id, manualTasks.requestId))
    .where(and(eq(manualTasks.id, id), eq(manualTasks.project, project)));
  return row ?? null;
}
