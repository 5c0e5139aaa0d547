import { Context } from '@temporalio/activity';
import { type Channel, channelsToTell, type Delivery, dueDeliveries, nextDueAt } from '../db/notifications/due.ts';
import { receiverOf } from '../db/notifications/recipients.ts';
import { delivered, failed } from '../db/notifications/results.ts';
import { MAIL } from '../domain/notification.ts';
import { type Activities, around } from './middleware.ts';
import type { ActivityDeps } from './deps.ts';
import { sendMail } from './notification-mail.ts';

/** Each may take as long as a webhook's timeout. */
const PER_PAGE = 20;
const AT_ONCE = 5;

export const tellingActivities = (deps: ActivityDeps) => ({
  /**
   * Attempts what is due, and says when something is due again; null: nothing is left. Each result is written as soon as
   * it is known: an attempt whose result was lost is made again, under the same id.
   */
  async deliverDue({ asOf, ...channel }: Channel & { readonly asOf: number }): Promise<{ nextAt: number | null }> {
    const { cancellationSignal } = Context.current();
    const at = new Date(asOf);
    const due = await dueDeliveries(deps.database, { ...channel, asOf: at, limit: PER_PAGE });
    // What happened to one request is told in that order.
    const waiting = [...Map.groupBy(due, ({ requestId }) => requestId).values()].values();
    const lane = async () => {
      for (const deliveries of waiting)
        for (const delivery of deliveries) {
          cancellationSignal.throwIfAborted();
          await deliver(deps, delivery, at);
        }
    };
    // None is left at work behind an activity that has failed and is begun again.
    const lanes = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
    for (const one of lanes) if (one.status === 'rejected') throw one.reason;
    return { nextAt: (await nextDueAt(deps.database, channel))?.getTime() ?? null };
  },
});

const deliver = (deps: ActivityDeps, delivery: Delivery, at: Date): Promise<void> =>
  delivery.channel === MAIL ? sendMail(deps, delivery, at) : callWebhook(deps, delivery, at);

async function callWebhook({ database, keys, webhooks }: ActivityDeps, delivery: Delivery, at: Date): Promise<void> {
  const receiver = await receiverOf(database, keys, delivery, at);
  if (receiver === null) return;
  const { id, requestId, kind, status, project } = delivery;
  const data = { id: requestId, kind, status, project };
  const body = JSON.stringify({ type: `request.${status}`, timestamp: delivery.at.toISOString(), data });
  const attempt = await webhooks.send({ id, body, ...receiver });
  if (attempt.delivered) await delivered(database, delivery, at);
  else await failed(database, delivery, attempt, at);
}

/**
 * Ledger activities, each of which may have changed the status of its request: whoever is to be told of it is told at
 * once. Best effort: housekeeping looks for what stays untold.
 */
export function tellingOfChanges<T extends Activities>(deps: ActivityDeps, activities: T): T {
  const tell = coalesced(({ project, channel }) => deps.starter.tell(project, channel));
  return around(activities, async (activity, input) => {
    const done = await activity();
    const requestId = requestOf(input);
    if (requestId !== null) {
      const channels = await channelsToTell(deps.database, requestId).catch(() => []);
      await Promise.allSettled(channels.map(tell));
    }
    return done;
  });
}

function requestOf(input: unknown): string | null {
  const id: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'requestId') : null;
  return typeof id === 'string' ? id : null;
}

/** Whoever asks while a channel is being told shares the one call after it: a thousand changes are a few wakes. */
function coalesced(tell: (channel: Channel) => Promise<void>): (channel: Channel) => Promise<void> {
  const running = new Map<string, { readonly now: Promise<void>; next: Promise<void> | null }>();
  const start = (channel: Channel): Promise<void> => {
    const key = `${channel.project}/${channel.channel}`;
    const entry = running.get(key);
    if (entry !== undefined) return (entry.next ??= entry.now.then(() => start(channel)));
    const now = tell(channel).finally(() => running.delete(key));
    running.set(key, { now, next: null });
    return now;
  };
  return start;
}
