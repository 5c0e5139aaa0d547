import { housekeepingActivities } from '../../../activities/housekeeping.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { eventually, nowOf } from './story.ts';
import type { World } from './world.ts';

/** One round of housekeeping: the server that skips time has no Schedules. */
export async function attendedRequests(world: World): Promise<number> {
  const asOf = (await nowOf(world)).getTime();
  return (await housekeepingActivities(world.deps).recoverStalled({ asOf })).recovered;
}

/**
 * Housekeeping restarts a request whose workflow was terminated. Repeats the round: an activity of the terminated run may
 * still write that the request was attended just now.
 */
export const recoverTerminated = (world: World, requestId: string): Promise<void> =>
  eventually('recovered', async () => {
    await world.sql`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
    return (await attendedRequests(world)) === 1;
  });

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

/** Until nothing of the request is under way: the server that skips time does not always survive a cancellation amid work. */
export async function becomesIdle(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await eventually('nothing is under way', async () => {
    const progress = await handle.query<{ waitingFor: string | null }>('progress').catch(() => null);
    return typeof progress?.waitingFor === 'string' && progress.waitingFor !== 'work that is under way';
  });
}
