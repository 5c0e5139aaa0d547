import { randomBytes } from 'node:crypto';
import type { Queries, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { seal, unseal } from '../encryption.ts';

/** More are never alive at a time, so that a signature stays short. */
const MOST_SECRETS = 3;

/** `whsec_…` after Standard Webhooks: 32 random bytes. */
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

const purposeOf = (webhookId: string, number: number): string => `webhook ${webhookId}/${number}`;

/**
 * Signs from now on; told now or never. Those that sign so far end then, or earlier where they were to. What has ended by
 * now, or is one too many, is gone.
 */
export async function addSecret(
  tx: Transaction,
  keys: DigestKeys,
  webhookId: string,
  { at, othersEndAt }: { readonly at: Date; readonly othersEndAt: Date },
): Promise<string> {
  const [{ newest } = { newest: 0 }] = await tx<{ newest: number }[]>`
    SELECT coalesce(max(number), 0) AS newest FROM lethe.webhook_secrets WHERE webhook_id = ${webhookId}`;
  await tx`UPDATE lethe.webhook_secrets SET expires_at = least(expires_at, ${othersEndAt}) WHERE webhook_id = ${webhookId}`;
  await tx`DELETE FROM lethe.webhook_secrets
    WHERE webhook_id = ${webhookId} AND (expires_at <= ${at} OR number <= ${newest - MOST_SECRETS + 1})`;
  const secret = newSecret();
  const number = newest + 1;
  const { sealed, digestKey } = seal(keys, purposeOf(webhookId, number), secret);
  await tx`INSERT INTO lethe.webhook_secrets (webhook_id, number, sealed, digest_key)
    VALUES (${webhookId}, ${number}, ${sealed}, ${digestKey})`;
  return secret;
}

/** Newest first. */
export async function aliveSecrets(
  queries: Queries,
  keys: DigestKeys,
  webhookId: string,
  at: Date,
): Promise<readonly string[]> {
  const rows = await queries<{ number: number; sealed: Buffer; digestKey: string }[]>`
    SELECT number, sealed, digest_key FROM lethe.webhook_secrets
    WHERE webhook_id = ${webhookId} AND (expires_at IS NULL OR expires_at > ${at}) ORDER BY number DESC`;
  return rows.map(({ number, ...row }) => unseal(keys, purposeOf(webhookId, number), row));
}
