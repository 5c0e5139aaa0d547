import { createHmac, timingSafeEqual } from 'node:crypto';
import { and, eq, gt, lte, sql } from 'drizzle-orm';
import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKey, DigestKeys } from '../digests.ts';
import { idempotencyKeys } from '../schema/members.ts';
import { requests } from '../schema/requests.ts';
import { transaction } from '../transaction.ts';
import type { RequestRow } from './row.ts';

/** A call with an idempotency key: sent again, it makes no second request. */
export interface Replayable {
  readonly key: string;
  /** SHA-256 of everything that the call contains. */
  readonly content: Buffer;
}
interface KeyedCall extends Replayable {
  readonly memberId: string;
  readonly at: Date;
}

const { id, project, kind, regulation, status, submitted, receivedAt, dueAt, hardDeleteAt, estimatedCompletionAt } =
  requests;
const acceptedColumns = {
  id,
  project,
  kind,
  regulation,
  status,
  submitted,
  receivedAt,
  dueAt,
  hardDeleteAt,
  estimatedCompletionAt,
};

/** The columns of a request that answer its acceptance. */
export type AcceptedRequest = Pick<RequestRow, keyof typeof acceptedColumns>;
/** `replayed`: an earlier call with the same key made this request; this call stored nothing. */
export type Accepted = AcceptedRequest & { readonly replayed: boolean };

const KEPT_MS = DAY_MS;

/**
 * Accepts the call, or returns the request that an earlier call with the same key made. The lock ends with the
 * transaction: a process that dies leaves neither a request nor a used key, and a refused request leaves the key unused.
 */
export async function acceptOnce(
  database: Database,
  keys: DigestKeys,
  call: KeyedCall,
  accept: (tx: Transaction) => Promise<AcceptedRequest>,
): Promise<Accepted> {
  const { memberId, content, at } = call;
  const keyDigest = keyDigestOf(keys, call);
  return transaction(database, async (tx) => {
    // A separate statement: the query that follows must see what the previous holder of the lock committed.
    const [lock] = await tx.execute<{ taken: boolean }>(
      sql`SELECT pg_try_advisory_xact_lock(${lockOf(keyDigest)}::bigint) AS taken`,
    );
    if (lock?.taken !== true)
      throw new DomainError('idempotency_key_in_use', 'the first request with this key is still being answered');
    const { fingerprint, digestKey, createdAt } = idempotencyKeys;
    const [used] = await tx
      .select({ fingerprint, digestKey, accepted: acceptedColumns })
      .from(idempotencyKeys)
      .innerJoin(requests, eq(requests.id, idempotencyKeys.requestId))
      .where(
        and(
          eq(idempotencyKeys.memberId, memberId),
          eq(idempotencyKeys.keyDigest, keyDigest),
          gt(createdAt, new Date(at.getTime() - KEPT_MS)),
        ),
      );
    if (used !== undefined) {
      requireSameContent(keys, used, content);
      return { ...used.accepted, replayed: true };
    }
    const accepted = await accept(tx);
    const [newest] = keys;
    const use = {
      fingerprint: fingerprintOf(newest, content),
      digestKey: newest.id,
      requestId: accepted.id,
      createdAt: at,
    };
    await tx
      .insert(idempotencyKeys)
      .values({ memberId, keyDigest, ...use })
      .onConflictDoUpdate({ target: [idempotencyKeys.memberId, idempotencyKeys.keyDigest], set: use });
    return { ...accepted, replayed: false };
  });
}

/** A fingerprint under an unknown digest key cannot be compared: the content counts as different. */
function requireSameContent(
  keys: DigestKeys,
  { fingerprint, digestKey }: Pick<typeof idempotencyKeys.$inferSelect, 'fingerprint' | 'digestKey'>,
  content: Buffer,
): void {
  const key = keys.find((one) => one.id === digestKey);
  if (key === undefined || !timingSafeEqual(fingerprintOf(key, content), fingerprint))
    throw new DomainError('idempotency_key_reused', 'the key was used with another body');
}

const fingerprintOf = ({ key }: DigestKey, content: Buffer): Buffer =>
  createHmac('sha256', key).update('idempotent content\u0002').update(content).digest();

/** Under the oldest key: processes before and after a rotation compute the same digest. */
function keyDigestOf(keys: DigestKeys, { memberId, key }: KeyedCall): Buffer {
  const oldest = keys.at(-1) ?? keys[0];
  return createHmac('sha256', oldest.key).update(`idempotency key\u0002${memberId}\u0002${key}`).digest();
}

const lockOf = (keyDigest: Buffer): string => keyDigest.readBigInt64BE().toString();

/** Deletes the keys that no call can replay any more. */
export async function forgetOldKeys(database: Database, at: Date): Promise<void> {
  await database.delete(idempotencyKeys).where(lte(idempotencyKeys.createdAt, new Date(at.getTime() - KEPT_MS)));
}
