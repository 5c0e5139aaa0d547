import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { giveUpPending } from './results.ts';
import type { DigestKeys } from '../digests.ts';
import { type Actor, withActiveToken } from '../members/authorized-transaction.ts';
import { webhooks, webhookSecrets } from '../schema/notifications.ts';
import { addSecret } from './webhook-secrets.ts';

/** Every webhook receives every change of the project: more are a mistake rather than a need. */
const MOST_WEBHOOKS = 10;

/** The secrets are left out. */
export type WebhookRow = Readonly<
  Pick<typeof webhooks.$inferSelect, 'id' | 'url' | 'createdAt' | 'createdBy' | 'disabledAt'>
>;
interface Change {
  readonly id: string;
  readonly at: Date;
}

/** Newest first. All are one page: a project has few. */
export const listWebhooks = async (queries: Queries, project: string): Promise<readonly WebhookRow[]> => {
  const { id, url, createdAt, createdBy, disabledAt, removedAt } = webhooks;
  return queries
    .select({ id, url, createdAt, createdBy, disabledAt })
    .from(webhooks)
    .where(and(eq(webhooks.project, project), isNull(removedAt)))
    .orderBy(desc(id));
};

/** Throws `webhook_not_found`, also for one that is removed or of another project. */
export async function requireWebhook(queries: Queries, project: string, id: string): Promise<void> {
  const [found] = await queries
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(and(eq(webhooks.id, id), eq(webhooks.project, project), isNull(webhooks.removedAt)));
  if (found === undefined) throw new DomainError('webhook_not_found', 'there is no such webhook');
}

/** It receives every change from now on. `secret` cannot be read again. Throws `too_many_webhooks`. */
export const addWebhook = (
  database: Database,
  keys: DigestKeys,
  actor: Actor,
  { url, at }: { readonly url: string; readonly at: Date },
): Promise<{ readonly id: string; readonly secret: string }> =>
  withActiveToken(database, actor, async (tx) => {
    const { project, memberId } = actor;
    const id = newId('webhook', at.getTime());
    const added = await tx.execute<never>(sql`INSERT INTO ${webhooks} (id, project, url, created_at, created_by)
      SELECT ${id}, ${project}, ${url}, ${at}, ${memberId}
      WHERE (SELECT count(*) FROM ${webhooks} WHERE project = ${project} AND removed_at IS NULL) < ${MOST_WEBHOOKS}`);
    if (added.count === 0) throw new DomainError('too_many_webhooks', `a project has ${MOST_WEBHOOKS} at most`);
    const secret = await addSecret(tx, keys, id, { at, othersEndAt: at });
    await record(tx, actor, 'webhook.added', { id, at });
    return { id, secret };
  });

/** Adds a secret; the current ones sign for `overlapMs` more. Throws `webhook_not_found`. */
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

/** Idempotent. It receives changes again, from now on. Throws `webhook_not_found`. */
export const enableWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    await requireWebhook(tx, actor.project, change.id);
    const enabled = await tx
      .update(webhooks)
      .set({ disabledAt: null })
      .where(and(eq(webhooks.id, change.id), isNotNull(webhooks.disabledAt)));
    if (enabled.count > 0) await record(tx, actor, 'webhook.enabled', change);
  });

/** Also deletes its secrets and gives up its pending deliveries. Throws `webhook_not_found`. */
export const removeWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  withActiveToken(database, actor, async (tx) => {
    const { id, at } = change;
    await requireWebhook(tx, actor.project, id);
    await tx.update(webhooks).set({ removedAt: at }).where(eq(webhooks.id, id));
    await tx.delete(webhookSecrets).where(eq(webhookSecrets.webhookId, id));
    await giveUpPending(tx, id, 'removed', at);
    await record(tx, actor, 'webhook.removed', change);
  });

/** The URL is left out: it may contain a secret of the receiver. */
const record = (
  tx: Transaction,
  { project, memberId }: Actor,
  action: 'webhook.added' | 'webhook.secret_rotated' | 'webhook.enabled' | 'webhook.removed',
  { id, at }: Change,
) => recordAudit(tx, { at, project, requestId: null, actor: memberId, action, detail: { webhook: id } });
