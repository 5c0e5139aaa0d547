import { MINUTE_MS } from '../domain/calendar.ts';
import { neglectedChannels } from '../db/notifications/due.ts';
import { forgetOldKeys } from '../db/requests/idempotency.ts';
import { neglectedRequests, untoldSuppressions } from '../db/operations/stalled.ts';
import type { ActivityDeps } from './deps.ts';

/** Requests looked after per round; the next round takes those that waited longest. */
const PER_ROUND = 500;

export const housekeepingActivities = (deps: ActivityDeps) => ({
  /** Starts what has no workflow (a running one is left alone), repeats wakes and tellings that were lost (rules 1, 2), tidies up. */
  async attendNeglected({ asOf }: { readonly asOf: number }): Promise<{ attended: number }> {
    const at = new Date(asOf);
    const quietSince = new Date(asOf - MINUTE_MS);
    const neglected = await neglectedRequests(deps.database, { asOf: at, quietSince, limit: PER_ROUND });
    for (const { id, unseenWake } of neglected) {
      await deps.starter.start(id);
      if (unseenWake) await deps.starter.wake([id]);
    }
    for (const id of await untoldSuppressions(deps.database, PER_ROUND)) await deps.starter.startSuppression(id);
    for (const { project, channel } of await neglectedChannels(deps.database, {
      dueBefore: quietSince,
      limit: PER_ROUND,
    }))
      await deps.starter.tell(project, channel);
    await forgetOldKeys(deps.database, at);
    return { attended: neglected.length };
  },
});
