import { Context } from '@temporalio/activity';
import { channelsToNotify, type Delivery, dueDeliveries, nextDueAt, typeOf } from '../db/notifications/due.ts';
import { receiverOf, taskOf } from '../db/notifications/recipients.ts';
import { recordDelivered, recordFailed } from '../db/notifications/results.ts';
import { type Channel, MAIL } from '../domain/notification.ts';
import type { AsOf } from '../domain/ids.ts';
import { type Activities, wrapActivities } from './middleware.ts';
import type { ActivityDeps } from './deps.ts';
import { sendMail } from './notification-mail.ts';

/** Each delivery may take as long as a webhook's timeout. */
const PAGE_SIZE = 20;
const CONCURRENCY = 5;

export const notificationActivities = (deps: ActivityDeps) => ({
  /**
   * Attempts every due delivery and returns when the next one is due. Null if none is left. Writes each result at once; an
   * attempt whose result is lost is repeated with the same id.
   */
  async deliverDueNotifications({ asOf, ...channel }: Channel & AsOf): Promise<{ nextAt: number | null }> {
    const { cancellationSignal } = Context.current();
    const at = new Date(asOf);
    const due = await dueDeliveries(deps.database, { ...channel, asOf: at, limit: PAGE_SIZE });
    // Within a request, notifications are delivered in the order of its changes.
    const perRequest = [...Map.groupBy(due, ({ requestId }) => requestId).values()].values();
    const deliverQueue = async () => {
      for (const deliveries of perRequest)
        for (const delivery of deliveries) {
          cancellationSignal.throwIfAborted();
          await deliver(deps, delivery, at);
        }
    };
    // Waits for all, so that none still runs when a failed activity is retried.
    const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, deliverQueue));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return { nextAt: (await nextDueAt(deps.database, channel))?.getTime() ?? null };
  },
});

const deliver = (deps: ActivityDeps, delivery: Delivery, at: Date): Promise<void> =>
  delivery.channel === MAIL ? sendMail(deps, delivery, at) : callWebhook(deps, delivery, at);

async function callWebhook({ database, keys, webhooks }: ActivityDeps, delivery: Delivery, at: Date): Promise<void> {
  const receiver = await receiverOf(database, keys, delivery, at);
  if (receiver === null) return;
  const { id, requestId, kind, status, project } = delivery;
  const task = await taskOf(database, delivery);
  const data =
    task === null
      ? { id: requestId, kind, status, project }
      : {
          id: task.id,
          requestId,
          system: task.system,
          subjects: task.subjects,
          dueAt: task.dueAt.toISOString(),
          project,
        };
  const body = JSON.stringify({ type: typeOf(delivery), timestamp: delivery.at.toISOString(), data });
  const attempt = await webhooks.send({ id, body, ...receiver });
  if (attempt.delivered) await recordDelivered(database, delivery, at);
  else await recordFailed(database, delivery, attempt, at);
}

/**
 * Starts the delivery of notifications after each activity, which may have changed the status of its request. Best effort:
 * housekeeping repeats a lost start.
 */
export function withNotificationDispatch<T extends Activities>(deps: ActivityDeps, activities: T): T {
  const dispatch = coalesced(({ project, channel }) => deps.starter.startNotifications(project, channel));
  return wrapActivities(activities, async (activity, input) => {
    const result = await activity();
    const requestId = requestIdOf(input);
    if (requestId !== null) {
      const channels = await channelsToNotify(deps.database, requestId).catch(() => []);
      await Promise.allSettled(channels.map(dispatch));
    }
    return result;
  });
}

function requestIdOf(input: unknown): string | null {
  const id: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'requestId') : null;
  return typeof id === 'string' ? id : null;
}

/** Calls for a channel that arrive during a call share the next one, so that a thousand changes cause a few signals. */
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
