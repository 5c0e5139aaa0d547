import { housekeepingActivities } from '../../../activities/housekeeping.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { eventually, nowOf } from './story.ts';
import type { World } from './world.ts';

/** One round of housekeeping: the server that skips time has no Schedules. */
export async function attendedRequests(world: World): Promise<number> {
  const asOf = (await nowOf(world)).getTime();
  return (await housekeepingActivities(world.deps).recoverStalled({ asOf })).recovered;
}

/** The query first: a workflow that is terminated with a task in flight stops the server from skipping time. */
export async function terminate(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await handle.query('progress');
  await handle.terminate('a test');
}

/**
 * Until the workflow says that it waits for a confirmation, which the rows say a moment earlier: by then nothing of it is
 * under way that a cancellation would have to call off, which the server that skips time does not always survive.
 */
export async function waitsForConfirmation(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await eventually('it waits for a confirmation', async () => {
    // Until its first step is done it answers nothing.
    const progress = await handle.query<{ waitingFor: string | null }>('progress').catch(() => null);
    return progress?.waitingFor?.startsWith('a confirmation') === true;
  });
}
