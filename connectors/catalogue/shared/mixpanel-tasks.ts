import * as z from 'zod';
import { type Api, path, refused } from '../../http/index.ts';

/** Mixpanel's OpenAPI has an object here, its reference page a list. */
const Created = z.union([
  z.object({ results: z.object({ task_id: z.string().min(1) }) }).transform(({ results }) => results.task_id),
  z
    .object({ results: z.array(z.object({ tracking_id: z.string().min(1) })).length(1) })
    .transform(({ results }) => results[0]?.tracking_id ?? ''),
]);
const Conflict = z.object({
  error: z.object({ conflicting_distinct_ids: z.array(z.string()), conflicting_task_ids: z.array(z.string()) }),
});

export interface TaskBody {
  readonly distinct_ids: readonly string[];
  readonly compliance_type: string;
}

/** Creates a task and returns its id. */
export async function createTask(api: Api, kind: 'deletions' | 'retrievals', json: TaskBody): Promise<string> {
  const query = { token: api.secret('project') };
  const answer = await api.post(path`/api/app/data-${kind}/v3.0/`, { query, json, lane: 'erase' });
  return answer.read(Created);
}

/**
 * Creates a deletion task. Mixpanel refuses the whole call when some ids are in running tasks: these ids are attached to
 * those tasks, and the others are sent again. `keep` stores each task.
 */
export async function createDeletion(
  api: Api,
  json: TaskBody,
  keep: (task: string) => Promise<void>,
): Promise<string[]> {
  const query = { token: api.secret('project') };
  const answer = await api.post(path`/api/app/data-deletions/v3.0/`, { query, json, expect: [200, 201, 409] });
  if (answer.status !== 409) {
    const task = answer.read(Created);
    await keep(task);
    return [task];
  }
  const { conflicting_distinct_ids: busy, conflicting_task_ids: tasks } = answer.read(Conflict).error;
  const rest = json.distinct_ids.filter((id) => !busy.includes(id));
  if (rest.length === json.distinct_ids.length || tasks.length === 0) throw refused('conflict_without_our_ids');
  for (const task of tasks) await keep(task);
  return rest.length === 0 ? tasks : [...tasks, ...(await createDeletion(api, { ...json, distinct_ids: rest }, keep))];
}
