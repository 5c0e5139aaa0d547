import { Context } from '@temporalio/activity';
import { channelsToNotify, type Delivery, dueDeliveries, nextDueAt } from '../db/notifications/due.ts';
import { receiverOf } from '../db/notifications/recipients.ts';
import { delivered, failed } from '../db/notifications/results.ts';
import { type Channel, MAIL } from '../domain/notification.ts';
import type { AsOf } from '../domain/ids.ts';
import { type Activities, wrapActivities } from './middleware.ts';
import type { ActivityDeps } from './deps.ts';
import { sendMail } from './notification-mail.ts';

/** Each may take as long as a webhook's timeout. */
const PER_PAGE = 20;
const AT_ONCE = 5;

export const notificationActivities = (deps: ActivityDeps) => ({
  /**
   * Attempts what is due, and returns when something is due again; null: nothing is left. Writes each result as soon as it
   * is known: an attempt whose result is lost is repeated under the same id.
   */
  async deliverDue({ asOf, ...channel }: Channel & AsOf): Promise<{ nextAt: number | null }> {
    const { cancellationSignal } = Context.current();
    const at = new Date(asOf);
    const due = await dueDeliveries(deps.database, { ...channel, asOf: at, limit: PER_PAGE });
    // The notifications of one request are delivered in the order of its changes.
    const waiting = [...Map.groupBy(due, ({ requestId }) => requestId).values()].values();
    const lane = async () => {
      for (const deliveries of waiting)
        for (const delivery of deliveries) {
          cancellationSignal.throwIfAborted();
          await deliver(deps, delivery, at);
        }
    };
    // Waits for all of them, so that none still runs when the activity has failed and is retried.
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
 * Starts the delivery of notifications after each activity, which may have changed the status of its request. Best effort:
 * housekeeping repeats a start that is lost.
 */
export function withNotificationDispatch<T extends Activities>(deps: ActivityDeps, activities: T): T {
  const dispatch = coalesced(({ project, channel }) => deps.starter.startNotifications(project, channel));
  return wrapActivities(activities, async (activity, input) => {
    const done = await activity();
    const requestId = requestOf(input);
    if (requestId !== null) {
      const channels = await channelsToNotify(deps.database, requestId).catch(() => []);
      await Promise.allSettled(channels.map(dispatch));
    }
    return done;
  });
}

function requestOf(input: unknown): string | null {
  const id: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'requestId') : null;
  return typeof id === 'string' ? id : null;
}

/** Calls for a channel that arrive during a call share the next one: a thousand changes are a few signals. */
function coalesced(dispatch: (channel: Channel) => Promise<void>): (channel: Channel) => Promise<void> {
  const running = new Map<string, { readonly now: Promise<void>; next: Promise<void> | null }>();
  const start = (channel: Channel): Promise<void> => {
    const key = `${channel.project}/${channel.channel}`;
    const entry = running.get(key);
    if (entry !== undefined) return (entry.next ??= entry.now.then(() => start(channel)));
    const now = dispatch(channel).finally(() => running.delete(key));
    running.set(key, { now, next: null });
    return now;
  };
  return start;
}
