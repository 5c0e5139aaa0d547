import { and, eq, isNull, sql } from 'drizzle-orm';
import { RECEIVER_GONE, MAIL, nextAttemptAt } from '../../domain/notification.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { transaction } from '../transaction.ts';
import type { Delivery } from './due.ts';

/** The result of an attempt. Does not change a delivery that ended or was retried during the attempt. */
export interface Failure {
  /** A closed code, never the receiver's text. */
  readonly code: string;
  readonly retryAfterMs?: number;
}

const isUnchanged = ({ id, attempts }: Delivery) =>
  and(eq(deliveries.id, id), isNull(deliveries.endedAt), eq(deliveries.attempts, attempts));

/** Also erases the recipient of a mail. */
export async function delivered(database: Database, delivery: Delivery, at: Date): Promise<void> {
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

/** Schedules the next attempt, until the last one. Disables a webhook that answers that it is gone. */
export async function failed(database: Database, delivery: Delivery, failure: Failure, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const attempts = delivery.attempts + 1;
    const gone = failure.code === RECEIVER_GONE && delivery.channel !== MAIL;
    // Locks in the order of a removal: the webhook first, then its deliveries.
    if (gone)
      await tx.select({ id: webhooks.id }).from(webhooks).where(eq(webhooks.id, delivery.channel)).for('update');
    const nextAt = gone ? null : nextAttemptAt(delivery.id, attempts, at, failure.retryAfterMs);
    const changed = await tx
      .update(deliveries)
      .set({
        attempts,
        lastCode: failure.code,
        ...(nextAt === null ? { endedAt: at, outcome: 'given_up', recipient: null } : { nextAt }),
      })
      .where(isUnchanged(delivery));
    if (changed.count === 0 || nextAt !== null) return;
    if (gone) await disable(tx, delivery, at);
    else await recordGivenUp(tx, delivery, failure.code, at);
  });
}

/** Ends a mail that has nothing left to report, or no permitted recipient. */
export async function withheld(database: Database, delivery: Delivery, code: string, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const { id, project, requestId, status } = delivery;
    const changed = await tx
      .update(deliveries)
      .set({ endedAt: at, outcome: 'withheld', lastCode: code, recipient: null })
      .where(isUnchanged(delivery));
    if (changed.count === 0) return;
    const detail = { delivery: id, status, code };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
  });
}

async function disable(tx: Transaction, { project, channel }: Delivery, at: Date): Promise<void> {
  const disabled = await tx
    .update(webhooks)
    .set({ disabledAt: at })
    .where(and(eq(webhooks.id, channel), isNull(webhooks.disabledAt), isNull(webhooks.removedAt)));
  if (disabled.count === 0) return;
  const others = await giveUpPending(tx, channel, RECEIVER_GONE, at);
  const detail = { webhook: channel, code: RECEIVER_GONE, deliveries: others + 1 };
  await recordAudit(tx, { at, project, requestId: null, actor: LETHE, action: 'webhook.disabled', detail });
}

/** Gives up the pending deliveries of a webhook, and returns their number. */
export async function giveUpPending(tx: Transaction, webhookId: string, code: string, at: Date): Promise<number> {
  const ended = await tx
    .update(deliveries)
    .set({ endedAt: at, outcome: 'given_up', lastCode: code })
    .where(and(eq(deliveries.channel, webhookId), isNull(deliveries.endedAt)));
  return ended.count;
}

function recordGivenUp(tx: Transaction, delivery: Delivery, code: string, at: Date): Promise<void> {
  const { id, project, requestId, status, channel } = delivery;
  const about = { at, project, requestId, actor: LETHE };
  const detail = { delivery: id, status, code };
  if (channel === MAIL) return recordAudit(tx, { ...about, action: 'mail.given_up', detail });
  return recordAudit(tx, { ...about, action: 'webhook.given_up', detail: { webhook: channel, ...detail } });
}
