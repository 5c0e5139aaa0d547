import { and, asc, eq, isNull, lt, lte, min, type SQL, sql } from 'drizzle-orm';
import type { Channel } from '../../domain/notification.ts';
import type { Queries } from '../client.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';

/** A pending notification. `at` is when the change happened, `attempts` the number of failed attempts. */
export type Delivery = Channel &
  Readonly<
    Pick<
      typeof deliveries.$inferSelect,
      'id' | 'requestId' | 'kind' | 'status' | 'taskId' | 'taskEvent' | 'at' | 'attempts'
    >
  >;

/** `request.` and the status, or what happened to a task. */
export const typeOf = ({ status, taskEvent }: Pick<Delivery, 'status' | 'taskEvent'>): string =>
  taskEvent ?? `request.${status}`;

/** The due deliveries of a channel, in the order of the changes. Empty for a disabled or removed webhook. */
export const dueDeliveries = async (
  queries: Queries,
  page: Channel & { readonly asOf: Date; readonly limit: number },
): Promise<readonly Delivery[]> =>
  queries
    .select({
      id: deliveries.id,
      project: deliveries.project,
      channel: deliveries.channel,
      requestId: deliveries.requestId,
      kind: deliveries.kind,
      status: deliveries.status,
      taskId: deliveries.taskId,
      taskEvent: deliveries.taskEvent,
      at: deliveries.at,
      attempts: deliveries.attempts,
    })
    .from(deliveries)
    .where(and(isPending(page), lte(deliveries.nextAt, page.asOf)))
    .orderBy(asc(deliveries.seq))
    .limit(page.limit);

/** When the next delivery of a channel is due. Null if none is pending. */
export async function nextDueAt(queries: Queries, channel: Channel): Promise<Date | null> {
  const [row] = await queries
    .select({ nextAt: min(deliveries.nextAt) })
    .from(deliveries)
    .where(isPending(channel));
  return row?.nextAt ?? null;
}

const isPending = ({ project, channel }: Channel) =>
  and(eq(deliveries.project, project), eq(deliveries.channel, channel), isNull(deliveries.endedAt), hasReceiver());

/** Whether the delivery is a mail, or its webhook is neither disabled nor removed. */
const hasReceiver = (): SQL => sql`(${deliveries.channel} = 'mail' OR EXISTS (
  SELECT FROM ${webhooks} WHERE ${webhooks.id} = ${deliveries.channel} AND disabled_at IS NULL AND removed_at IS NULL))`;

/** The channels with notifications of this request that have not been attempted yet. */
export const channelsToNotify = async (queries: Queries, requestId: string): Promise<readonly Channel[]> =>
  queries
    .selectDistinct({ project: deliveries.project, channel: deliveries.channel })
    .from(deliveries)
    .where(and(eq(deliveries.requestId, requestId), isNull(deliveries.endedAt), eq(deliveries.attempts, 0)));

/** The channels with a notification that was due before `dueBefore`, which a running workflow would have delivered. */
export const stalledChannels = async (
  queries: Queries,
  { dueBefore, limit }: { readonly dueBefore: Date; readonly limit: number },
): Promise<readonly Channel[]> =>
  queries
    .select({ project: deliveries.project, channel: deliveries.channel })
    .from(deliveries)
    .where(and(isNull(deliveries.endedAt), lt(deliveries.nextAt, dueBefore), hasReceiver()))
    .groupBy(deliveries.project, deliveries.channel)
    .orderBy(min(deliveries.nextAt))
    .limit(limit);
