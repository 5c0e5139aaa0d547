import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { canonicalValue } from '../../domain/identity-forms.ts';
import type { Status, TaskEvent } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { requests } from '../schema/requests.ts';
import { subjectIdentities, submittedIdentities } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** Statuses that are mailed to the `notify` address: the request has ended, is ready, or needs a confirmation. */
const MAILED: readonly Status[] = [
  'awaiting_confirmation',
  'ready',
  'completed',
  'partially_completed',
  'not_found',
  'cancelled',
  'failed',
];

/**
 * Queues one notification per channel for a status change. Runs in the transaction of the change (outbox pattern). Call
 * once per change, before identities are purged.
 */
export async function enqueueNotifications(tx: Transaction, requestId: string, at: Date): Promise<void> {
  await withholdFromSubjects(tx, requestId, at);
  await tx.execute(sql`WITH request AS (SELECT id, project, kind, status, notify FROM ${requests} WHERE id = ${requestId})
    ${notificationInsert('request', at)}`);
}

/**
 * `enqueueNotifications` as a CTE of the statement that changes the status. `request` names a CTE with the changed
 * rows.
 */
export const notificationInsert = (request: string, at: Date): SQL => sql`
  INSERT INTO ${deliveries} (id, project, channel, recipient, request_id, kind, status, at, next_at)
  SELECT 'evt_' || replace(gen_random_uuid()::text, '-', ''), changed.project, receiver.channel, receiver.recipient, changed.id, changed.kind,
         changed.status, ${at}, ${at}
  FROM ${sql.identifier(request)} changed
  CROSS JOIN LATERAL (
    SELECT webhooks.id AS channel, NULL AS recipient FROM ${webhooks}
    WHERE webhooks.project = changed.project AND removed_at IS NULL AND disabled_at IS NULL
    UNION ALL
    SELECT 'mail', changed.notify WHERE changed.notify IS NOT NULL AND changed.status = ANY(${textArray(MAILED)})) receiver`;

/**
 * Queues one notification per channel about a task: for every webhook, and for the mail address of the task unless it is an
 * identity of a subject. Runs in the transaction of the change.
 */
export async function enqueueTaskNotifications(
  tx: Transaction,
  task: { readonly id: string; readonly requestId: string; readonly notify: string | null },
  event: TaskEvent,
  at: Date,
): Promise<void> {
  const { id, requestId, notify } = task;
  const recipient = notify !== null && (await isSubject(tx, requestId, notify)) ? null : notify;
  await tx.execute(sql`
    INSERT INTO ${deliveries} (id, project, channel, recipient, request_id, kind, status, task_id, task_event, at, next_at)
    SELECT 'evt_' || replace(gen_random_uuid()::text, '-', ''), request.project, receiver.channel, receiver.recipient, request.id,
           request.kind, request.status, ${id}, ${event}, ${at}, ${at}
    FROM ${requests} request
    CROSS JOIN LATERAL (
      SELECT webhooks.id AS channel, NULL AS recipient FROM ${webhooks}
      WHERE webhooks.project = request.project AND removed_at IS NULL AND disabled_at IS NULL
      UNION ALL
      SELECT 'mail', ${recipient}::text WHERE ${recipient}::text IS NOT NULL) receiver
    WHERE request.id = ${requestId}`);
}

/**
 * Prevents mail to a subject of the request. Erases a `notify` address that is one of the request's identities, or part
 * of one, and withholds its pending mail. Runs at every change, while the identities are stored.
 */
async function withholdFromSubjects(tx: Transaction, requestId: string, at: Date): Promise<void> {
  const [request] = await tx
    .select({ project: requests.project, notify: requests.notify })
    .from(requests)
    .where(eq(requests.id, requestId));
  if (request === undefined || request.notify === null || !(await isSubject(tx, requestId, request.notify))) return;
  await tx.update(requests).set({ notify: null }).where(eq(requests.id, requestId));
  const ended = await tx
    .update(deliveries)
    .set({ endedAt: at, outcome: 'withheld', lastCode: 'subject', recipient: null })
    .where(and(eq(deliveries.requestId, requestId), eq(deliveries.channel, 'mail'), isNull(deliveries.endedAt)));
  const detail = { code: 'subject', deliveries: ended.count };
  const { project } = request;
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
}

async function isSubject(tx: Transaction, requestId: string, address: string): Promise<boolean> {
  const [canonical = address] = canonicalValue('caseInsensitive', [address]);
  const isAddress = sql`lower(btrim(part)) IN (lower(${canonical}), lower(btrim(${address})))`;
  const found = await tx.execute(sql`
    SELECT FROM ${submittedIdentities}, unnest(value || canonical) part
    WHERE request_id = ${requestId} AND ${isAddress}
    UNION ALL
    SELECT FROM ${subjectIdentities}, unnest(value || canonical) part
    WHERE request_id = ${requestId} AND ${isAddress}
    LIMIT 1`);
  return found.length > 0;
}
