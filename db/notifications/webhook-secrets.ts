import { randomBytes } from 'node:crypto';
import { and, desc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm';
import type { Queries, Transaction } from '../client.ts';
import type { DigestKeys } from '../digests.ts';
import { decryptSecret, encryptSecret } from '../encryption.ts';
import { webhookSecrets } from '../schema/notifications.ts';

/** The maximum number of secrets that sign, so that the signature header stays short. */
const MAX_SECRETS = 3;

/** 32 random bytes in the format of Standard Webhooks, `whsec_…`. */
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

const purposeOf = (webhookId: string, number: number): string => `webhook ${webhookId}/${number}`;

/**
 * Adds a secret and returns it. The other secrets expire at `othersEndAt` or at their own earlier expiry. Deletes
 * expired secrets, and the oldest ones above the limit.
 */
export async function addSecret(
  tx: Transaction,
  keys: DigestKeys,
  webhookId: string,
  { at, othersEndAt }: { readonly at: Date; readonly othersEndAt: Date },
): Promise<string> {
  const ofWebhook = eq(webhookSecrets.webhookId, webhookId);
  const [{ newest } = { newest: 0 }] = await tx
    .select({ newest: sql<number>`coalesce(max(${webhookSecrets.number}), 0)` })
    .from(webhookSecrets)
    .where(ofWebhook);
  await tx
    .update(webhookSecrets)
    .set({ expiresAt: sql`least(${webhookSecrets.expiresAt}, ${othersEndAt})` })
    .where(ofWebhook);
  const surplus = lte(webhookSecrets.number, newest - MAX_SECRETS + 1);
  await tx.delete(webhookSecrets).where(and(ofWebhook, or(lte(webhookSecrets.expiresAt, at), surplus)));
  const secret = newSecret();
  const number = newest + 1;
  const encrypted = encryptSecret(keys, purposeOf(webhookId, number), secret);
  await tx.insert(webhookSecrets).values({ webhookId, number, ...encrypted });
  return secret;
}

/** Reads the secrets that sign now, newest first. */
export async function activeSecrets(
  queries: Queries,
  keys: DigestKeys,
  webhookId: string,
  at: Date,
): Promise<readonly string[]> {
  const { number, encrypted, digestKey, expiresAt } = webhookSecrets;
  const rows = await queries
    .select({ number, encrypted, digestKey })
    .from(webhookSecrets)
    .where(and(eq(webhookSecrets.webhookId, webhookId), or(isNull(expiresAt), gt(expiresAt, at))))
    .orderBy(desc(number));
  return rows.map((row) => decryptSecret(keys, purposeOf(webhookId, row.number), row));
}
