import { housekeepingActivities } from '../../activities/housekeeping.ts';
import { workflowIdFor } from '../../domain/ids.ts';
import { nowOf } from './story.ts';
import type { World } from './world.ts';

/** One round of housekeeping: the server that skips time has no Schedules. */
export async function attendedRequests(world: World): Promise<number> {
  const asOf = (await nowOf(world)).getTime();
  return (await housekeepingActivities(world.deps).attendNeglected({ asOf })).attended;
}

/** The query first: a workflow that is terminated with a task in flight stops the server from skipping time. */
export async function terminate(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await handle.query('progress');
  await handle.terminate('a test');
}
