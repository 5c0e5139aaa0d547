import { LETHE } from '../db/audit/audit.ts';
import { recipientOf } from '../db/notifications/recipients.ts';
import type { Delivery } from '../db/notifications/due.ts';
import { delivered, failed, withheld } from '../db/notifications/results.ts';
import { type MadeLink, makeLink, revokeLink } from '../db/exports/links.ts';
import { transaction } from '../db/transaction.ts';
import { downloadUrl } from '../domain/archive.ts';
import { DomainError } from '../domain/errors.ts';
import { renderMail } from '../outbound/mail-templates.ts';
import type { ActivityDeps } from './deps.ts';

/** Sends one mail. The mail of a ready export has its own download link, which is revoked if the mail fails. */
export async function sendMail(deps: ActivityDeps, delivery: Delivery, at: Date): Promise<void> {
  const { database } = deps;
  const to = await recipientOf(database, delivery);
  if (to === null) return;
  const link = delivery.status === 'ready' ? await createLink(deps, delivery, at) : undefined;
  if (link === null) return withheld(database, delivery, 'archive_gone', at);
  const { id, requestId } = delivery;
  const attempt = await deps.mailer.send({ id, to, ...renderMail({ ...delivery, ...linkFields(deps, link) }) });
  if (attempt.delivered) return delivered(database, delivery, at);
  if (link !== undefined) await revokeLink(database, { requestId, id: link.id, actor: LETHE, at });
  await failed(database, delivery, attempt, at);
}

/** Null if the archive does not exist any more. */
async function createLink({ database }: ActivityDeps, { requestId }: Delivery, at: Date): Promise<MadeLink | null> {
  try {
    return await transaction(database, (tx) => makeLink(tx, { requestId, createdBy: LETHE, expiresAt: null, at }));
  } catch (error) {
    if (error instanceof DomainError && error.code === 'archive_not_ready') return null;
    throw error;
  }
}

function linkFields({ publicUrl }: ActivityDeps, link: MadeLink | undefined) {
  if (link === undefined) return {};
  return { link: { url: downloadUrl(publicUrl, link.token), expiresAt: link.expiresAt } };
}
