import { type SQL, sql } from 'drizzle-orm';
import type { Status } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { deliveries, webhooks } from '../schema/notifications.ts';
import { textArray } from '../sql.ts';
import { withholdFromSubjects } from './withhold.ts';

/** Of which changes the `notify` address is told: an answer is there, or a person's word is needed. */
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
 * A change of status, for whoever is to be told of it: in the transaction of the change, so that none is told that was not
 * made, and none made that is not told. Called once per change, and before the identities leave.
 */
export async function announce(tx: Transaction, requestId: string, at: Date): Promise<void> {
  await withholdFromSubjects(tx, requestId, at);
  await tx`WITH request AS (SELECT id, project, kind, status, notify FROM lethe.requests WHERE id = ${requestId})
    ${announcement('request', at)}`;
}

/** The same as a part of the statement that makes the change. `request`: a CTE with id, project, kind, status and notify. */
export const announcement = (request: string, at: Date): SQL => sql`
  INSERT INTO ${deliveries} (id, project, channel, recipient, request_id, kind, status, at, next_at)
  SELECT 'evt_' || replace(gen_random_uuid()::text, '-', ''), changed.project, told.channel, told.recipient, changed.id, changed.kind,
         changed.status, ${at}, ${at}
  FROM ${sql.identifier(request)} changed
  CROSS JOIN LATERAL (
    SELECT webhooks.id AS channel, NULL AS recipient FROM ${webhooks}
    WHERE webhooks.project = changed.project AND removed_at IS NULL AND disabled_at IS NULL
    UNION ALL
    SELECT 'mail', changed.notify WHERE changed.notify IS NOT NULL AND changed.status = ANY(${textArray(MAILED)})) told`;
