import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type Api, path, unavailable } from '../../http/index.ts';
import { chunksOf } from './settings.ts';

export const User = z.looseObject({ id: z.number(), name: z.string().nullish(), email: z.string().nullish() });
const Deleted = z.object({ deleted_user: User });
const Job = z.object({ job_status: z.object({ id: z.string(), status: z.string() }) });

/** The name of the row that Zendesk keeps of a user. */
const PERMANENT = 'Permanently Deleted User';
const IDS_PER_CALL = 100;
const MOST_POLLS = 60;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/** `deleted`: the first of two stages. `gone`: permanently deleted, or never there. */
export async function stateOf(api: Api, id: string): Promise<'active' | 'deleted' | 'gone'> {
  const deleted = await api.get(path`/api/v2/deleted_users/${id}`, { gone: [404], lane: 'read' });
  if (deleted !== null) return deleted.read(Deleted).deleted_user.name === PERMANENT ? 'gone' : 'deleted';
  return (await api.get(path`/api/v2/users/${id}`, { gone: [404], lane: 'read' })) === null ? 'gone' : 'active';
}

/** Deletes users in both stages. `kept`: those that Zendesk does not delete, because they have open tickets. */
export async function deleteUsers(api: Api, ids: readonly string[], signal: AbortSignal) {
  for (const some of chunksOf(ids, IDS_PER_CALL)) {
    const query = { ids: some.join(',') };
    const answer = await api.delete(path`/api/v2/users/destroy_many`, { query, lane: 'read' });
    await waitForJob(api, answer.read(Job).job_status.id, signal);
  }
  const kept: string[] = [];
  let removed = 0;
  for (const id of ids) {
    const state = await stateOf(api, id);
    if (state === 'active') kept.push(id);
    if (state !== 'deleted') continue;
    if ((await api.delete(path`/api/v2/deleted_users/${id}`, { gone: [404] })) !== null) removed += 1;
  }
  return { removed, kept };
}

/** Zendesk forgets a job after an hour. What is deleted shows in the users themselves. */
async function waitForJob(api: Api, id: string, signal: AbortSignal): Promise<void> {
  for (let poll = 0; poll < MOST_POLLS; poll += 1) {
    const answer = await api.get(path`/api/v2/job_statuses/${id}`, { gone: [404], lane: 'read' });
    if (answer === null || /^(completed|failed|killed)$/.test(answer.read(Job).job_status.status)) return;
    await sleep(Math.min(FIRST_WAIT_MS * 2 ** poll, LONGEST_WAIT_MS), undefined, { signal });
  }
  throw unavailable('job_still_runs');
}
