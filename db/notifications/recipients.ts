import type { Queries } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { aliveSecrets } from './webhook-secrets.ts';
import type { Delivery } from './due.ts';

/** Null: it has ended meanwhile. */
export async function recipientOf(queries: Queries, { id }: Delivery): Promise<string | null> {
  const [row] = await queries<{ recipient: string }[]>`
    SELECT recipient FROM lethe.deliveries WHERE id = ${id} AND ended_at IS NULL`;
  return row?.recipient ?? null;
}

/** Null: it has ended meanwhile, or the webhook was disabled or removed. */
export async function receiverOf(
  queries: Queries,
  keys: DigestKeys,
  { id, channel }: Delivery,
  at: Date,
): Promise<{ readonly url: string; readonly secrets: readonly string[] } | null> {
  const [row] = await queries<{ url: string }[]>`
    SELECT url FROM lethe.deliveries JOIN lethe.webhooks ON webhooks.id = channel
    WHERE deliveries.id = ${id} AND ended_at IS NULL AND disabled_at IS NULL AND removed_at IS NULL`;
  if (row === undefined) return null;
  const secrets = await aliveSecrets(queries, keys, channel, at);
  // Its secrets go with it: one that was removed between the two is called no more, and never unsigned.
  return secrets.length === 0 ? null : { url: row.url, secrets };
}
