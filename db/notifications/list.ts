import { DomainError } from '../../domain/errors.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries } from '../client.ts';
import { type Actor, underStanding } from '../members/authorized-transaction.ts';
import type { Channel } from '../../domain/notification.ts';
import type { Delivery } from './due.ts';

/** `nextAt` null: it has ended, as `outcome` says. */
export interface DeliveryRow extends Omit<Delivery, keyof Channel> {
  readonly nextAt: Date | null;
  readonly outcome: 'delivered' | 'given_up' | null;
  readonly lastCode: string | null;
}
export type AfterDelivery = Pick<DeliveryRow, 'at' | 'id'>;

/** Of one webhook, newest first. `kinds` null: of requests of all kinds. */
export const listDeliveries = (
  queries: Queries,
  page: {
    readonly webhookId: string;
    readonly kinds: readonly RequestKind[] | null;
    readonly after: AfterDelivery | null;
    readonly limit: number;
  },
): Promise<readonly DeliveryRow[]> => queries<DeliveryRow[]>`
  SELECT id, request_id, kind, status, at, attempts, CASE WHEN ended_at IS NULL THEN next_at END AS next_at, outcome, last_code
  FROM lethe.deliveries
  WHERE channel = ${page.webhookId}
    AND ${page.kinds === null ? queries`true` : queries`kind = ANY(${page.kinds as string[]}::text[])`}
    AND ${page.after === null ? queries`true` : queries`(at, id) < (${page.after.at}, ${page.after.id})`}
  ORDER BY at DESC, id DESC LIMIT ${page.limit}`;

/** From the first attempt on, at once, under the same id. Throws `delivery_not_found`. */
export const retryDelivery = (
  database: Database,
  actor: Actor,
  retry: { readonly webhookId: string; readonly id: string; readonly at: Date },
): Promise<void> =>
  underStanding(database, actor, async (tx) => {
    const { webhookId, id, at } = retry;
    const { project, memberId } = actor;
    const [retried] = await tx<{ requestId: string }[]>`
      UPDATE lethe.deliveries SET attempts = 0, next_at = ${at}, ended_at = NULL, outcome = NULL
      WHERE id = ${id} AND channel = ${webhookId} AND project = ${project}
        AND EXISTS (SELECT FROM lethe.webhooks WHERE webhooks.id = channel AND removed_at IS NULL)
      RETURNING request_id`;
    if (retried === undefined) throw new DomainError('delivery_not_found', 'there is no such delivery');
    const { requestId } = retried;
    const detail = { webhook: webhookId, delivery: id };
    await recordAudit(tx, { at, project, requestId, actor: memberId, action: 'delivery.retried', detail });
  });
