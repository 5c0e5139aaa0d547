import { GONE, MAIL, nextAttemptAt } from '../../domain/notification.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { transaction } from '../transaction.ts';
import type { Delivery } from './due.ts';

/** An attempt's end. What was ended or tried anew meanwhile, by a member or by another attempt, stays as it is. */
export interface Failure {
  /** A closed code, never what the other side said. */
  readonly code: string;
  readonly retryAfterMs?: number;
}

/** The recipient of a mail leaves with it. */
export async function delivered(database: Database, { id, attempts }: Delivery, at: Date): Promise<void> {
  await database`UPDATE lethe.deliveries
    SET ended_at = ${at}, outcome = 'delivered', attempts = attempts + 1, last_code = NULL, recipient = NULL
    WHERE id = ${id} AND ended_at IS NULL AND attempts = ${attempts}`;
}

/** Tried again on schedule, until the last attempt; a webhook that says it is gone is asked no more at all. */
export async function failed(database: Database, delivery: Delivery, failure: Failure, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const attempts = delivery.attempts + 1;
    const gone = failure.code === GONE && delivery.channel !== MAIL;
    // As whoever removes it: the webhook first, then what it is told.
    if (gone) await tx`SELECT FROM lethe.webhooks WHERE id = ${delivery.channel} FOR UPDATE`;
    const nextAt = gone ? null : nextAttemptAt(delivery.id, attempts, at, failure.retryAfterMs);
    const changed = await tx`UPDATE lethe.deliveries SET attempts = ${attempts}, last_code = ${failure.code},
        next_at = coalesce(${nextAt}, next_at),
        ${nextAt === null ? tx`ended_at = ${at}, outcome = 'given_up', recipient = NULL` : tx`ended_at = NULL`}
      WHERE id = ${delivery.id} AND ended_at IS NULL AND attempts = ${delivery.attempts}`;
    if (changed.count === 0 || nextAt !== null) return;
    if (gone) await disable(tx, delivery, at);
    else await recordGivenUp(tx, delivery, failure.code, at);
  });
}

/** There is nothing to be told any more, or nobody who may be. */
export async function withheld(database: Database, delivery: Delivery, code: string, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const { id, project, requestId, status, attempts } = delivery;
    const changed = await tx`UPDATE lethe.deliveries
      SET ended_at = ${at}, outcome = 'withheld', last_code = ${code}, recipient = NULL
      WHERE id = ${id} AND ended_at IS NULL AND attempts = ${attempts}`;
    if (changed.count === 0) return;
    const detail = { delivery: id, status, code };
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
  });
}

async function disable(tx: Transaction, { project, channel }: Delivery, at: Date): Promise<void> {
  const disabled = await tx`UPDATE lethe.webhooks SET disabled_at = ${at}
    WHERE id = ${channel} AND disabled_at IS NULL AND removed_at IS NULL`;
  if (disabled.count === 0) return;
  const others = await giveUpPending(tx, channel, GONE, at);
  const detail = { webhook: channel, code: GONE, deliveries: others + 1 };
  await recordAudit(tx, { at, project, requestId: null, actor: LETHE, action: 'webhook.disabled', detail });
}

/** Whatever this webhook was still to be told; how many that was. */
export async function giveUpPending(tx: Transaction, webhookId: string, code: string, at: Date): Promise<number> {
  const ended = await tx`UPDATE lethe.deliveries SET ended_at = ${at}, outcome = 'given_up', last_code = ${code}
    WHERE channel = ${webhookId} AND ended_at IS NULL`;
  return ended.count;
}

function recordGivenUp(tx: Transaction, delivery: Delivery, code: string, at: Date): Promise<void> {
  const { id, project, requestId, status, channel } = delivery;
  const about = { at, project, requestId, actor: LETHE };
  const detail = { delivery: id, status, code };
  if (channel === MAIL) return recordAudit(tx, { ...about, action: 'mail.given_up', detail });
  return recordAudit(tx, { ...about, action: 'webhook.given_up', detail: { webhook: channel, ...detail } });
}
