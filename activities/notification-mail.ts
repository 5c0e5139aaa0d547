import { LETHE } from '../db/audit/audit.ts';
import { type NotifiedTask, recipientOf, taskOf } from '../db/notifications/recipients.ts';
import type { Delivery } from '../db/notifications/due.ts';
import { recordDelivered, recordFailed, recordWithheld } from '../db/notifications/results.ts';
import { type CreatedLink, createLink, revokeLink } from '../db/exports/links.ts';
import { transaction } from '../db/transaction.ts';
import { downloadUrl } from '../domain/archive.ts';
import { DomainError } from '../domain/errors.ts';
import { renderMail } from '../outbound/mail-templates.ts';
import { renderTaskMail } from '../outbound/task-mail.ts';
import type { ActivityDeps } from './deps.ts';

/** Sends one mail. The mail of a ready export has its own download link, which is revoked if the mail fails. */
export async function sendMail(deps: ActivityDeps, delivery: Delivery, at: Date): Promise<void> {
  const { database } = deps;
  const to = await recipientOf(database, delivery);
  if (to === null) return;
  const task = await taskOf(database, delivery);
  if (task !== null) return sendTaskMail(deps, delivery, { to, task }, at);
  const link = delivery.status === 'ready' ? await createDownloadLink(deps, delivery, at) : undefined;
  if (link === null) return recordWithheld(database, delivery, 'archive_gone', at);
  const { id, requestId } = delivery;
  const attempt = await deps.mailer.send({ id, to, ...renderMail({ ...delivery, ...linkFields(deps, link) }) });
  if (attempt.delivered) return recordDelivered(database, delivery, at);
  if (link !== undefined) await revokeLink(database, { requestId, id: link.id, actor: LETHE, at });
  await recordFailed(database, delivery, attempt, at);
}

async function sendTaskMail(
  { database, mailer, publicUrl }: ActivityDeps,
  delivery: Delivery,
  { to, task }: { readonly to: string; readonly task: NotifiedTask },
  at: Date,
): Promise<void> {
  const { id, requestId, project, taskEvent } = delivery;
  const mail = renderTaskMail({ ...task, requestId, project, isLate: taskEvent === 'task.overdue', publicUrl });
  const attempt = await mailer.send({ id, to, ...mail });
  if (attempt.delivered) await recordDelivered(database, delivery, at);
  else await recordFailed(database, delivery, attempt, at);
}

/** Null if the archive does not exist any more. */
async function createDownloadLink(
  { database }: ActivityDeps,
  { requestId }: Delivery,
  at: Date,
): Promise<CreatedLink | null> {
  try {
    return await transaction(database, (tx) => createLink(tx, { requestId, createdBy: LETHE, expiresAt: null, at }));
  } catch (error) {
    if (error instanceof DomainError && error.code === 'archive_not_ready') return null;
    throw error;
  }
}

function linkFields({ publicUrl }: ActivityDeps, link: CreatedLink | undefined) {
  if (link === undefined) return {};
  return { link: { url: downloadUrl(publicUrl, link.token), expiresAt: link.expiresAt } };
}
