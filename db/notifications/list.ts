import { and, desc, eq, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import type { Channel } from '../../domain/notification.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries } from '../client.ts';
import { type Actor, withActiveToken } from '../members/authorized-transaction.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { textArray } from '../sql.ts';
import type { Delivery } from './due.ts';

/** A delivery of a webhook, as callers see it. */
export interface DeliveryRow extends Omit<Delivery, keyof Channel> {
  /** When the next attempt is due. Null if the delivery has ended. */
  readonly nextAt: Date | null;
  /** Null while the delivery is pending. Never `withheld`, which only applies to mail. */
  readonly outcome: 'delivered' | 'given_up' | null;
  readonly lastCode: string | null;
}
/** The last delivery of the previous page. */
export type AfterDelivery = Pick<DeliveryRow, 'at' | 'id'>;

/** Lists the deliveries of one webhook, newest first. `kinds` limits them to requests of these kinds; null for all. */
export const listDeliveries = async (
  queries: Queries,
  page: {
    readonly webhookId: string;
    readonly kinds: readonly RequestKind[] | null;
    readonly after: AfterDelivery | null;
    readonly limit: number;
  },
): Promise<readonly DeliveryRow[]> => {
  const { id, requestId, kind, status, taskId, taskEvent, at, attempts, endedAt, nextAt, outcome, lastCode } =
    deliveries;
  return queries
    .select({
      id,
      requestId,
      kind,
      status,
      taskId,
      taskEvent,
      at,
      attempts,
      nextAt: sql<Date | null>`CASE WHEN ${endedAt} IS NULL THEN ${nextAt} END`,
      outcome: sql<DeliveryRow['outcome']>`${outcome}`,
      lastCode,
    })
    .from(deliveries)
    .where(
      and(
        eq(deliveries.channel, page.webhookId),
        page.kinds === null ? undefined : sql`${kind} = ANY(${textArray(page.kinds)})`,
        page.after === null ? undefined : sql`(${at}, ${id}) < (${page.after.at}, ${page.after.id})`,
      ),
    )
    .orderBy(desc(at), desc(id))
    .limit(page.limit);
};

/** Restarts a delivery immediately, with its first attempt and the same id. Throws `delivery_not_found`. */
export const retryDelivery = (
  database: Database,
  actor: Actor,
  retry: { readonly webhookId: string; readonly id: string; readonly at: Date },
): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { webhookId, id, at } = retry;
    const { project, memberId } = actor;
    const [retried] = await tx
      .update(deliveries)
      .set({ attempts: 0, nextAt: at, endedAt: null, outcome: null })
      .where(
        and(
          eq(deliveries.id, id),
          eq(deliveries.channel, webhookId),
          eq(deliveries.project, project),
          sql`EXISTS (SELECT FROM ${webhooks} WHERE ${webhooks.id} = ${deliveries.channel} AND removed_at IS NULL)`,
        ),
      )
      .returning({ requestId: deliveries.requestId });
    if (retried === undefined)
      throw new DomainError(
        'delivery_not_found',
        'The webhook has no delivery with this id. Nothing was changed; check the id.',
      );
    const { requestId } = retried;
    const detail = { webhook: webhookId, delivery: id };
    await recordAudit(tx, { at, project, requestId, actor: memberId, action: 'delivery.retried', detail });
  });
