import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { giveUpPending } from './results.ts';
import type { DigestKeys } from '../digests.ts';
import { type Actor, underStanding } from '../members/authorized-transaction.ts';
import { requireWebhook } from './list-webhooks.ts';
import { addSecret } from './webhook-secrets.ts';

/** Each is told of everything: more of them are a mistake rather than a need. */
const MOST_WEBHOOKS = 10;

interface Change {
  readonly id: string;
  readonly at: Date;
}

/** Told of every change from now on. `secret` is told now or never. Throws `too_many_webhooks`. */
export const addWebhook = (
  database: Database,
  keys: DigestKeys,
  actor: Actor,
  { url, at }: { readonly url: string; readonly at: Date },
): Promise<{ readonly id: string; readonly secret: string }> =>
  underStanding(database, actor, async (tx) => {
    const { project, memberId } = actor;
    const id = newId('webhook', at.getTime());
    const added = await tx`INSERT INTO lethe.webhooks (id, project, url, created_at, created_by)
      SELECT ${id}, ${project}, ${url}, ${at}, ${memberId}
      WHERE (SELECT count(*) FROM lethe.webhooks WHERE project = ${project} AND removed_at IS NULL) < ${MOST_WEBHOOKS}`;
    if (added.count === 0) throw new DomainError('too_many_webhooks', `a project has ${MOST_WEBHOOKS} at most`);
    const secret = await addSecret(tx, keys, id, { at, othersEndAt: at });
    await record(tx, actor, 'webhook.added', { id, at });
    return { id, secret };
  });

/** A new secret; what signs so far goes on to do so for a while. Throws `webhook_not_found`. */
export const rotateSecret = (
  database: Database,
  keys: DigestKeys,
  actor: Actor,
  change: Change & { readonly overlapMs: number },
): Promise<{ readonly secret: string; readonly endsAt: Date }> =>
  underStanding(database, actor, async (tx) => {
    const { id, at, overlapMs } = change;
    await requireWebhook(tx, actor.project, id);
    const endsAt = new Date(at.getTime() + overlapMs);
    const secret = await addSecret(tx, keys, id, { at, othersEndAt: endsAt });
    await record(tx, actor, 'webhook.secret_rotated', change);
    return { secret, endsAt };
  });

/** One that was disabled is told of what happens from now on. Twice is as once. Throws `webhook_not_found`. */
export const enableWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  underStanding(database, actor, async (tx) => {
    await requireWebhook(tx, actor.project, change.id);
    const enabled = await tx`UPDATE lethe.webhooks SET disabled_at = NULL
      WHERE id = ${change.id} AND disabled_at IS NOT NULL`;
    if (enabled.count > 0) await record(tx, actor, 'webhook.enabled', change);
  });

/** Its secrets are gone with it; what it was still to be told, it is not. Throws `webhook_not_found`. */
export const removeWebhook = (database: Database, actor: Actor, change: Change): Promise<void> =>
  underStanding(database, actor, async (tx) => {
    const { id, at } = change;
    await requireWebhook(tx, actor.project, id);
    await tx`UPDATE lethe.webhooks SET removed_at = ${at} WHERE id = ${id}`;
    await tx`DELETE FROM lethe.webhook_secrets WHERE webhook_id = ${id}`;
    await giveUpPending(tx, id, 'removed', at);
    await record(tx, actor, 'webhook.removed', change);
  });

/** Never the URL, which may hold a secret of the receiver's. */
const record = (
  tx: Transaction,
  { project, memberId }: Actor,
  action: 'webhook.added' | 'webhook.secret_rotated' | 'webhook.enabled' | 'webhook.removed',
  { id, at }: Change,
) => recordAudit(tx, { at, project, requestId: null, actor: memberId, action, detail: { webhook: id } });
