import { MINUTE_MS } from '../domain/calendar.ts';
import { forgetOldKeys } from '../db/idempotency.ts';
import { neglectedRequests, untoldSuppressions } from '../db/neglected.ts';
import type { ActivityDeps } from './deps.ts';

/** Requests looked after per round; the next round takes those that waited longest. */
const PER_ROUND = 500;

export const housekeepingActivities = (deps: ActivityDeps) => ({
  /** Starts what has no workflow (a running one is left alone), repeats wakes that were lost (rules 1, 2), tidies up. */
  async attendNeglected({ asOf }: { readonly asOf: number }): Promise<{ attended: number }> {
    const at = new Date(asOf);
    const neglected = await neglectedRequests(deps.database, {
      asOf: at,
      quietSince: new Date(asOf - MINUTE_MS),
      limit: PER_ROUND,
    });
    for (const { id, unseenWake } of neglected) {
      await deps.starter.start(id);
      if (unseenWake) await deps.starter.wake([id]);
    }
    for (const id of await untoldSuppressions(deps.database, PER_ROUND)) await deps.starter.startSuppression(id);
    await forgetOldKeys(deps.database, at);
    return { attended: neglected.length };
  },
});
