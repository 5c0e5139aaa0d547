import { and, eq, isNull, sql } from 'drizzle-orm';
import { MAIL, RECEIVER_GONE, nextAttemptAt } from '../../domain/notification.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { transaction } from '../transaction.ts';
import type { Delivery } from './due.ts';

/** Why an attempt failed. */
export interface Failure {
  /** A code of Lethe, never text of the receiver. */
  readonly code: string;
  /** The delay that the receiver requests. */
  readonly retryAfterMs?: number;
}

/** Excludes a delivery that ended or was retried during the attempt. */
const isUnchanged = ({ id, attempts }: Delivery) =>
  and(eq(deliveries.id, id), isNull(deliveries.endedAt), eq(deliveries.attempts, attempts));

/** Records a successful attempt, and erases the recipient of a mail. */
export async function recordDelivered(database: Database, delivery: Delivery, at: Date): Promise<void> {
  await database
    .update(deliveries)
    .set({
      endedAt: at,
      outcome: 'delivered',
      attempts: sql`${deliveries.attempts} + 1`,
      lastCode: null,
      recipient: null,
    })
    .where(isUnchanged(delivery));
}

/** Records a failed attempt and schedules the next one. Disables a webhook that answers 410. */
export async function recordFailed(database: Database, delivery: Delivery, failure: Failure, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const attempts = delivery.attempts + 1;
    const isGone = failure.code === RECEIVER_GONE && delivery.channel !== MAIL;
    // Locks the webhook before its deliveries, in the same order as a removal.
    if (isGone)
      await tx.select({ id: webhooks.id }).from(webhooks).where(eq(webhooks.id, delivery.channel)).for('update');
    const nextAt = isGone ? null : nextAttemptAt(delivery.id, attempts, at, failure.retryAfterMs);
    const changed = await tx
      .update(deliveries)
      .set({
        attempts,
        lastCode: failure.code,
        ...(nextAt === null ? { endedAt: at, outcome: 'given_up', recipient: null } : { nextAt }),
      })
      .where(isUnchanged(delivery));
    if (changed.count === 0 || nextAt !== null) return;
    if (isGone) await disable(tx, delivery, at);
    else await recordAbandoned(tx, delivery, failure.code, at);
  });
}

/** Ends a mail that is not sent, because it is outdated or its recipient is not permitted. */
export async function recordWithheld(database: Database, delivery: Delivery, code: string, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const { id, project, requestId } = delivery;
    const changed = await tx
      .update(deliveries)
      .set({ endedAt: at, outcome: 'withheld', lastCode: code, recipient: null })
      .where(isUnchanged(delivery));
    if (changed.count === 0) return;
    const detail = { delivery: id, ...aboutOf(delivery), code };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
  });
}

async function disable(tx: Transaction, { project, channel }: Delivery, at: Date): Promise<void> {
  const disabled = await tx
    .update(webhooks)
    .set({ disabledAt: at })
    .where(and(eq(webhooks.id, channel), isNull(webhooks.disabledAt), isNull(webhooks.removedAt)));
  if (disabled.count === 0) return;
  const others = await abandonPending(tx, channel, RECEIVER_GONE, at);
  const detail = { webhook: channel, code: RECEIVER_GONE, deliveries: others + 1 };
  await recordAudit(tx, { at, project, requestId: null, actor: LETHE, action: 'webhook.disabled', detail });
}

/** Abandons the pending deliveries of a webhook. Returns their number. */
export async function abandonPending(tx: Transaction, webhookId: string, code: string, at: Date): Promise<number> {
  const ended = await tx
    .update(deliveries)
    .set({ endedAt: at, outcome: 'given_up', lastCode: code })
    .where(and(eq(deliveries.channel, webhookId), isNull(deliveries.endedAt)));
  return ended.count;
}

function recordAbandoned(tx: Transaction, delivery: Delivery, code: string, at: Date): Promise<void> {
  const { id, project, requestId, channel } = delivery;
  const event = { at, project, requestId, actor: LETHE };
  const detail = { delivery: id, ...aboutOf(delivery), code };
  if (channel === MAIL) return recordAudit(tx, { ...event, action: 'mail.given_up', detail });
  return recordAudit(tx, { ...event, action: 'webhook.given_up', detail: { webhook: channel, ...detail } });
}

/** What the notification was about, in the audit log. */
const aboutOf = ({ status, taskId, taskEvent }: Delivery) =>
  taskId === null ? { status } : { task: taskId, type: taskEvent };
