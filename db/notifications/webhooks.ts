import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { abandonPending } from './results.ts';
import type { DigestKeys } from '../digests.ts';
import { type Actor, withActiveToken } from '../members/authorized-transaction.ts';
import { webhooks, webhookSecrets } from '../schema/notifications.ts';
import { addSecret } from './webhook-secrets.ts';

/** The maximum number of webhooks per project. Each receives every status change of the project. */
const MAX_WEBHOOKS = 10;

/** A webhook as callers see it, without its secrets. */
export type WebhookRow = Readonly<
  Pick<typeof webhooks.$inferSelect, 'id' | 'url' | 'createdAt' | 'createdBy' | 'disabledAt'>
>;
interface Change {
  readonly id: string;
  readonly at: Date;
}

/** Lists all webhooks of a project, newest first, in one page. */
export const listWebhooks = async (queries: Queries, project: string): Promise<readonly WebhookRow[]> => {
  const { id, url, createdAt, createdBy, disabledAt, removedAt } = webhooks;
  return queries
    .select({ id, url, createdAt, createdBy, disabledAt })
    .from(webhooks)
    .where(and(eq(webhooks.project, project), isNull(removedAt)))
    .orderBy(desc(id));
};

/** Throws `webhook_not_found` if the webhook does not exist in the project or is removed. */
export async function requireWebhook(queries: Queries, project: string, id: string): Promise<void> {
  const [found] = await queries
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(and(eq(webhooks.id, id), eq(webhooks.project, project), isNull(webhooks.removedAt)));
  if (found === undefined)
    throw new DomainError(
      'webhook_not_found',
      'The project has no webhook with this id. Nothing was changed; check the id.',
    );
}

/** Adds a webhook. `secret` cannot be read again. Throws `too_many_webhooks`. */
export const addWebhook = (
  database: Queries,
  keys: DigestKeys,
  actor: Actor,
  { url, at }: { readonly url: string; readonly at: Date },
): Promise<{ readonly id: string; readonly secret: string }> =>
  withActiveToken(database, actor, async (tx) => {
    const { project, memberId } = actor;
    const id = newId('webhook', at.getTime());
    const added = await tx.execute<never>(sql`INSERT INTO ${webhooks} (id, project, url, created_at, created_by)
      SELECT ${id}, ${project}, ${url}, ${at}, ${memberId}
      WHERE (SELECT count(*) FROM ${webhooks} WHERE project = ${project} AND removed_at IS NULL) < ${MAX_WEBHOOKS}`);
    if (added.count === 0)
      throw new DomainError(
        'too_many_webhooks',
        `The project already has ${MAX_WEBHOOKS} webhooks, which is the maximum. Nothing was changed; remove one first.`,
      );
    const secret = await addSecret(tx, keys, id, { at, othersEndAt: at });
    await record(tx, actor, 'webhook.added', { id, at });
    return { id, secret };
  });

/** Adds a secret. The current secrets sign for another `overlapMs`. Throws `webhook_not_found`. */
export const rotateSecret = (
  database: Database,
  keys: DigestKeys,
  actor: Actor,
  change: Change & { readonly overlapMs: number },
): Promise<{ readonly secret: string; readonly endsAt: Date }> =>
  withActiveToken(database, actor, async (tx) => {
    const { id, at, overlapMs } = change;
    await requireWebhook(tx, actor.project, id);
    const endsAt = new Date(at.getTime() + overlapMs);
    const secret = await addSecret(tx, keys, id, { at, othersEndAt: endsAt });
    await record(tx, actor, 'webhook.secret_rotated', change);
    return { secret, endsAt };
  });

/** Enables a disabled webhook, which receives changes again from now on. Idempotent. Throws `webhook_not_found`. */
export const enableWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    await requireWebhook(tx, actor.project, change.id);
    const enabled = await tx
      .update(webhooks)
      .set({ disabledAt: null })
      .where(and(eq(webhooks.id, change.id), isNotNull(webhooks.disabledAt)));
    if (enabled.count > 0) await record(tx, actor, 'webhook.enabled', change);
  });

/** Removes a webhook, deletes its secrets and abandons its pending deliveries. Throws `webhook_not_found`. */
export const removeWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { id, at } = change;
    await requireWebhook(tx, actor.project, id);
    await tx.update(webhooks).set({ removedAt: at }).where(eq(webhooks.id, id));
    await tx.delete(webhookSecrets).where(eq(webhookSecrets.webhookId, id));
    await abandonPending(tx, id, 'removed', at);
    await record(tx, actor, 'webhook.removed', change);
  });

/** The audit event does not contain the URL, which may contain a secret of the receiver. */
const record = (
  tx: Transaction,
  { project, memberId }: Actor,
  action: 'webhook.added' | 'webhook.secret_rotated' | 'webhook.enabled' | 'webhook.removed',
  { id, at }: Change,
) => recordAudit(tx, { at, project, requestId: null, actor: memberId, action, detail: { webhook: id } });
