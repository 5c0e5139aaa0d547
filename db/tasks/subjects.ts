import { and, eq } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Identity } from '../../domain/identity.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries } from '../client.ts';
import { manualTasks } from '../schema/tasks.ts';
import { identitiesInBatch } from '../subjects/identities.ts';
import { transaction } from '../transaction.ts';
import { taskNotFound } from './answer.ts';

/** A subject that a task asks for. */
export interface TaskSubject {
  /** Its number in the request. */
  readonly number: number;
  readonly identities: readonly Identity[];
}

export interface SubjectsPage {
  readonly project: string;
  readonly id: string;
  /** The number of the last subject of the previous page, or 0. */
  readonly after: number;
  readonly limit: number;
}

/** Reads the subjects of a task in their order. Their identities are empty once they are purged. Throws `task_not_found`. */
export async function listTaskSubjects(queries: Queries, page: SubjectsPage): Promise<readonly TaskSubject[]> {
  const { requestId, batch, seqs } = await readRange(queries, page);
  const listed = seqs.filter((seq) => seq > page.after).slice(0, page.limit);
  const found = await identitiesInBatch(queries, { requestId, batch }, listed);
  const bySeq = Map.groupBy(found, ({ seq }) => seq);
  return listed.map((number) => ({ number, identities: (bySeq.get(number) ?? []).map(({ identity }) => identity) }));
}

/**
 * `listTaskSubjects` for a member who has to act on them, which the audit log records. Throws `identities_purged` if no
 * identity is left.
 */
export async function revealTaskSubjects(
  database: Database,
  page: SubjectsPage & { readonly actor: string; readonly at: Date },
): Promise<{ readonly subjects: readonly TaskSubject[]; readonly hasMore: boolean }> {
  return transaction(database, async (tx) => {
    const { requestId, system, seqs } = await readRange(tx, page);
    const revealed = await listTaskSubjects(tx, page);
    if (revealed.length > 0 && revealed.every(({ identities }) => identities.length === 0))
      throw new DomainError(
        'identities_purged',
        'The identities of the task are purged, because its subjects are deleted. The task itself remains.',
      );
    const { project, id, actor, at } = page;
    const detail = { task: id, system, subjects: revealed.length };
    await recordAudit(tx, { at, project, requestId, actor, action: 'task.revealed', detail });
    const last = revealed.at(-1)?.number ?? Infinity;
    return { subjects: revealed, hasMore: seqs.some((seq) => seq > last) };
  });
}

/** The numbers of the subjects that a task asks for. Throws `task_not_found`. */
export const readTaskNumbers = async (
  queries: Queries,
  task: Pick<SubjectsPage, 'project' | 'id'>,
): Promise<readonly number[]> => (await readRange(queries, task)).seqs;

async function readRange(queries: Queries, { project, id }: Pick<SubjectsPage, 'project' | 'id'>) {
  const { requestId, system, batch, seqs } = manualTasks;
  const [task] = await queries
    .select({ requestId, system, batch, seqs })
    .from(manualTasks)
    .where(and(eq(manualTasks.id, id), eq(manualTasks.project, project)));
  if (task === undefined) throw taskNotFound();
  return task;
}
