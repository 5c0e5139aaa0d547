import { MINUTE_MS } from '../domain/calendar.ts';
import { wakeMisconfigured } from '../db/attention/missing-systems.ts';
import { unwatchedOutages } from '../db/outages/outages.ts';
import { wakeForgotten } from '../db/outages/stops.ts';
import { stalledChannels } from '../db/notifications/due.ts';
import { deleteExpiredKeys } from '../db/requests/idempotency.ts';
import { pendingSuppressions, takeStalledRequests } from '../db/operations/stalled.ts';
import type { ActivityDeps } from './deps.ts';
import { signalAll } from './outages/outages.ts';

/** The maximum number of each kind per round. Each round takes the requests that have waited longest. */
const MAX_PER_ROUND = 500;
/** How many running workflows a round asks Temporal about, so that many open requests cost few calls. */
const MAX_CHECKED = 100;

export const housekeepingActivities = (deps: ActivityDeps) => ({
  /**
   * The last resort behind the dispatcher. Starts missing workflows, repeats lost signals (rules 1, 2), wakes requests whose
   * systems have left the configuration or are back, restarts lost watches, ends waits for systems that are called again, and removes old idempotency keys. Leaves other
   * running workflows alone.
   */
  async recoverStalledWork({ asOf }: { readonly asOf: number }): Promise<{ recovered: number }> {
    const at = new Date(asOf);
    const inactiveSince = new Date(asOf - MINUTE_MS);
    const stalled = await takeStalledRequests(deps.database, {
      asOf: at,
      inactiveSince,
      limit: MAX_PER_ROUND,
      checked: MAX_CHECKED,
    });
    for (const { id, unseenWake } of stalled) {
      await deps.starter.start(id);
      if (unseenWake) await deps.starter.signalRequests([id]);
    }
    const misconfigured = await wakeMisconfigured(deps.database, deps.catalog, MAX_PER_ROUND);
    await deps.starter.signalRequests(misconfigured);
    for (const id of await pendingSuppressions(deps.database, MAX_PER_ROUND)) await deps.starter.startSuppression(id);
    for (const { project, channel } of await stalledChannels(deps.database, {
      dueBefore: inactiveSince,
      limit: MAX_PER_ROUND,
    }))
      await deps.starter.startNotifications(project, channel);
    await signalAll(deps, await wakeForgotten(deps.database));
    for (const { project, system } of await unwatchedOutages(deps.database, at))
      await deps.starter.watchSystem(project, system);
    await deleteExpiredKeys(deps.database, at);
    return { recovered: stalled.length };
  },
});
