import { DomainError } from '../../domain/errors.ts';
import type { Queries } from '../client.ts';

/** Never a secret. */
export interface WebhookRow {
  readonly id: string;
  readonly url: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly disabledAt: Date | null;
}

/** Newest first; few, so that all are one page. */
export const listWebhooks = (queries: Queries, project: string): Promise<readonly WebhookRow[]> => queries<
  WebhookRow[]
>`
  SELECT id, url, created_at, created_by, disabled_at FROM lethe.webhooks
  WHERE project = ${project} AND removed_at IS NULL ORDER BY id DESC`;

/** Throws `webhook_not_found`: what is removed, or another project's, is unknown. */
export async function requireWebhook(queries: Queries, project: string, id: string): Promise<void> {
  const [found] = await queries`
    SELECT 1 FROM lethe.webhooks WHERE id = ${id} AND project = ${project} AND removed_at IS NULL`;
  if (found === undefined) throw new DomainError('webhook_not_found', 'there is no such webhook');
}
