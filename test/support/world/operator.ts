import { housekeepingActivities } from '../../../activities/housekeeping.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { eventually, nowOf } from './actions.ts';
import type { World } from './world.ts';

/** Runs housekeeping once, because the time-skipping server has no schedules. Returns the number of recovered requests. */
export async function runHousekeeping(world: World): Promise<number> {
  const asOf = (await nowOf(world)).getTime();
  return (await housekeepingActivities(world.deps).recoverStalledWork({ asOf })).recovered;
}

/**
 * Runs housekeeping until it restarts a request whose workflow was terminated. A late activity of the terminated run may
 * mark the request as attended, so one round may not be sufficient.
 */
export const recoverTerminated = (world: World, requestId: string): Promise<void> =>
  eventually('recovered', async () => {
    await world.sql`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
    return (await runHousekeeping(world)) === 1;
  });

/** Queries first: after a termination with a workflow task in flight, the server no longer skips time. */
export async function terminate(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await handle.query('progress');
  await handle.terminate('a test');
}

/**
 * Waits until the workflow reports that it waits for a confirmation, shortly after the rows do. Then a cancellation stops
 * no running activity, which the time-skipping server does not always survive.
 */
export async function waitForConfirmationStage(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await eventually('the request waits for a confirmation', async () => {
    // The query fails until the first workflow task is complete.
    const progress = await handle.query<{ waitingFor: string | null }>('progress').catch(() => null);
    return progress?.waitingFor?.startsWith('Confirmation by') === true;
  });
}

/** Waits until no activity runs. The time-skipping server does not always survive a cancellation of running activities. */
export async function waitUntilIdle(world: World, requestId: string): Promise<void> {
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await eventually('no activity of the request runs', async () => {
    const progress = await handle.query<{ waitingFor: string | null }>('progress').catch(() => null);
    return typeof progress?.waitingFor === 'string' && !progress.waitingFor.startsWith('Steps in progress');
  });
}
