import { sql } from 'drizzle-orm';
import { bigint, bytea, check, index, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { DELIVERY_OUTCOMES, REQUEST_KINDS, STATUSES, TASK_EVENTS } from '../../domain/vocabulary.ts';
import { dispatchAt, lethe, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';
import { manualTasks } from './tasks.ts';

/** The webhooks of a project. Each receives every status change of the project's requests. */
export const webhooks = lethe.table(
  'webhooks',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    url: text('url').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    /** Set when the receiver answers 410. Nothing is delivered until an owner enables the webhook again. */
    disabledAt: timestamptz('disabled_at'),
    removedAt: timestamptz('removed_at'),
  },
  (table) => [
    index('webhooks_of_project')
      .on(table.project)
      .where(sql`removed_at IS NULL`),
  ],
);

/** Signing secrets of webhooks, encrypted with a digest key. During a rotation, more than one secret signs. */
export const webhookSecrets = lethe.table(
  'webhook_secrets',
  {
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id),
    /** The number of the secret within the webhook. The highest is the newest. */
    number: integer('number').notNull(),
    encrypted: bytea('encrypted').notNull(),
    /** The id of the digest key that decrypts `encrypted`. */
    digestKey: text('digest_key').notNull(),
    /** When the secret stops signing. Null for the newest secret. */
    expiresAt: timestamptz('expires_at'),
  },
  (table) => [primaryKey({ name: 'webhook_secrets_pkey', columns: [table.webhookId, table.number] })],
);

/** The outbox: notifications of status changes and of tasks, stored in the transaction of the change. */
export const deliveries = lethe.table(
  'deliveries',
  {
    id: text('id').primaryKey(),
    /** The order of the changes of a request. */
    seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    /** `mail`, or the id of a webhook. */
    channel: text('channel').notNull(),
    /** The address of a mail until the delivery ends. Null for webhooks. */
    recipient: text('recipient'),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    kind: text('kind', { enum: REQUEST_KINDS }).notNull(),
    status: text('status', { enum: STATUSES }).notNull(),
    /** The task that the notification is about, and what happened to it. Null for a change of the status. */
    taskId: text('task_id').references(() => manualTasks.id),
    taskEvent: text('task_event', { enum: TASK_EVENTS }),
    /** When it happened. */
    at: timestamptz('at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** When the next attempt is due. Meaningless once the delivery has ended. */
    nextAt: timestamptz('next_at').notNull(),
    /** When the dispatcher signals the workflow of the channel, unless it has attempted the delivery. Null afterwards. */
    dispatchAt: dispatchAt(),
    /** Null while the delivery is pending. */
    endedAt: timestamptz('ended_at'),
    outcome: text('outcome', { enum: DELIVERY_OUTCOMES }),
    /** The code of the last failure, or the reason for the end. Never text of the receiver. */
    lastCode: text('last_code'),
  },
  (table) => [
    check('deliveries_outcome_check', oneOf('outcome', DELIVERY_OUTCOMES)),
    check('deliveries_task_check', sql`(task_id IS NULL) = (task_event IS NULL)`),
    check('deliveries_task_event_check', oneOf('task_event', TASK_EVENTS)),
    check('deliveries_ended_check', sql`(ended_at IS NULL) = (outcome IS NULL)`),
    check('deliveries_recipient_check', sql`(channel = 'mail' AND ended_at IS NULL) = (recipient IS NOT NULL)`),
    index('deliveries_due')
      .on(table.project, table.channel, table.nextAt)
      .where(sql`ended_at IS NULL`),
    index('deliveries_to_dispatch')
      .on(table.dispatchAt)
      .where(sql`dispatch_at IS NOT NULL AND ended_at IS NULL AND attempts = 0`),
    index('deliveries_pending')
      .on(table.requestId)
      .where(sql`ended_at IS NULL`),
    index('deliveries_of_channel').on(table.channel, table.at.desc().nullsFirst(), table.id.desc().nullsFirst()),
  ],
);
