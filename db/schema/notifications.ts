import { sql } from 'drizzle-orm';
import { bigint, bytea, check, index, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { DELIVERY_OUTCOMES, REQUEST_KINDS, STATUSES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** Subscribers to every status change of a project's requests. */
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
    /** Set when it answers 410: it receives nothing until an owner enables it again. */
    disabledAt: timestamptz('disabled_at'),
    removedAt: timestamptz('removed_at'),
  },
  (table) => [
    index('webhooks_of_project')
      .on(table.project)
      .where(sql`removed_at IS NULL`),
  ],
);

/** Signing secrets, encrypted with a digest key. During a rotation both secrets sign. */
export const webhookSecrets = lethe.table(
  'webhook_secrets',
  {
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id),
    number: integer('number').notNull(),
    encrypted: bytea('encrypted').notNull(),
    digestKey: text('digest_key').notNull(),
    expiresAt: timestamptz('expires_at'),
  },
  (table) => [primaryKey({ name: 'webhook_secrets_pkey', columns: [table.webhookId, table.number] })],
);

/** The outbox: notifications of status changes, written in the transaction of the change. */
export const deliveries = lethe.table(
  'deliveries',
  {
    id: text('id').primaryKey(),
    /** The order of the changes: changes of one request are committed one after the other. */
    seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    /** `mail`, or the id of a webhook. */
    channel: text('channel').notNull(),
    /** The address of a mail until it is sent. */
    recipient: text('recipient'),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    kind: text('kind', { enum: REQUEST_KINDS }).notNull(),
    status: text('status', { enum: STATUSES }).notNull(),
    at: timestamptz('at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAt: timestamptz('next_at').notNull(),
    endedAt: timestamptz('ended_at'),
    outcome: text('outcome', { enum: DELIVERY_OUTCOMES }),
    /** Why the last attempt failed: a closed code, never the receiver's text. */
    lastCode: text('last_code'),
  },
  (table) => [
    check('deliveries_outcome_check', oneOf('outcome', DELIVERY_OUTCOMES)),
    check('deliveries_ended_check', sql`(ended_at IS NULL) = (outcome IS NULL)`),
    check('deliveries_recipient_check', sql`(channel = 'mail' AND ended_at IS NULL) = (recipient IS NOT NULL)`),
    index('deliveries_due')
      .on(table.project, table.channel, table.nextAt)
      .where(sql`ended_at IS NULL`),
    index('deliveries_pending')
      .on(table.requestId)
      .where(sql`ended_at IS NULL`),
    index('deliveries_of_channel').on(table.channel, table.at.desc().nullsFirst(), table.id.desc().nullsFirst()),
  ],
);
