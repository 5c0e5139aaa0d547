import { createHmac, timingSafeEqual } from 'node:crypto';
import { and, eq, gt, lte, type SQL, sql } from 'drizzle-orm';
import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKey, DigestKeys } from '../digests.ts';
import { idempotencyKeys } from '../schema/members.ts';
import { requests } from '../schema/requests.ts';
import { transaction } from '../transaction.ts';
import type { RequestRow } from './row.ts';

/** A call with an idempotency key. Repeating it creates no second request. */
export interface Replayable {
  readonly key: string;
  /** SHA-256 of the call's content. */
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

/** The columns of a request that its 202 response contains. */
export type AcceptedRequest = Pick<RequestRow, keyof typeof acceptedColumns>;
/** `replayed` is true if an earlier call with the same key created the request and this call stored nothing. */
export type Accepted = AcceptedRequest & { readonly replayed: boolean };

const KEPT_MS = DAY_MS;

/**
 * Accepts the call, or returns the request that an earlier call with the same key created. Request and key are stored
 * in one transaction, so a rejected request leaves the key unused. Throws `idempotency_key_in_use` or
 * `idempotency_key_reused`.
 */
export async function acceptOnce(
  database: Database,
  keys: DigestKeys,
  call: KeyedCall,
  accept: (tx: Transaction) => Promise<AcceptedRequest>,
): Promise<Accepted> {
  const keyDigest = keyDigestOf(keys, call);
  return transaction(database, async (tx) => {
    await lockKey(tx, keyDigest);
    const { fingerprint, digestKey } = idempotencyKeys;
    const [used] = await tx
      .select({ fingerprint, digestKey, accepted: acceptedColumns })
      .from(idempotencyKeys)
      .leftJoin(requests, eq(requests.id, idempotencyKeys.requestId))
      .where(isUsed(call, keyDigest));
    if (used !== undefined) {
      requireSameContent(keys, used, call.content);
      if (used.accepted === null) throw new Error('the idempotency key has no request');
      return { ...used.accepted, replayed: true };
    }
    const accepted = await accept(tx);
    await storeKey(tx, keys, call, { keyDigest, requestId: accepted.id, response: null });
    return { ...accepted, replayed: false };
  });
}

/** The JSON of a response, without its secrets. */
export type StoredResponse = Readonly<Record<string, unknown>>;

/**
 * Runs `create`, or returns the response that an earlier call with the same key stored. The created rows, the key and the
 * response are stored in one transaction. Throws `idempotency_key_in_use` or `idempotency_key_reused`.
 */
export async function respondOnce<Response>(
  database: Database,
  keys: DigestKeys,
  call: KeyedCall,
  create: (tx: Transaction) => Promise<{ readonly response: Response; readonly stored: StoredResponse }>,
): Promise<{ readonly response: Response } | { readonly replayed: StoredResponse }> {
  const keyDigest = keyDigestOf(keys, call);
  return transaction(database, async (tx) => {
    await lockKey(tx, keyDigest);
    const { fingerprint, digestKey, response } = idempotencyKeys;
    const [used] = await tx
      .select({ fingerprint, digestKey, response })
      .from(idempotencyKeys)
      .where(isUsed(call, keyDigest));
    if (used !== undefined) {
      requireSameContent(keys, used, call.content);
      // The content contains the operation, so that the key of a request has another content.
      if (used.response === null) throw new Error('the idempotency key has no response');
      return { replayed: used.response };
    }
    const created = await create(tx);
    await storeKey(tx, keys, call, { keyDigest, requestId: null, response: created.stored });
    return { response: created.response };
  });
}

// Throws `idempotency_key_in_use`. A statement of its own, so that the next sees what the previous holder committed.
async function lockKey(tx: Transaction, keyDigest: Buffer): Promise<void> {
  const [lock] = await tx.execute<{ acquired: boolean }>(
    sql`SELECT pg_try_advisory_xact_lock(${lockOf(keyDigest)}::bigint) AS acquired`,
  );
  if (lock?.acquired !== true)
    throw new DomainError(
      'idempotency_key_in_use',
      'The first call with this Idempotency-Key is still running. Send the call again after the seconds in Retry-After.',
    );
}

const isUsed = ({ memberId, at }: KeyedCall, keyDigest: Buffer): SQL | undefined =>
  and(
    eq(idempotencyKeys.memberId, memberId),
    eq(idempotencyKeys.keyDigest, keyDigest),
    gt(idempotencyKeys.createdAt, new Date(at.getTime() - KEPT_MS)),
  );

async function storeKey(
  tx: Transaction,
  keys: DigestKeys,
  { memberId, content, at }: KeyedCall,
  created: { readonly keyDigest: Buffer; readonly requestId: string | null; readonly response: StoredResponse | null },
): Promise<void> {
  const { keyDigest, requestId, response } = created;
  const [newest] = keys;
  const use = { fingerprint: fingerprintOf(newest, content), digestKey: newest.id, requestId, response, createdAt: at };
  await tx
    .insert(idempotencyKeys)
    .values({ memberId, keyDigest, ...use })
    .onConflictDoUpdate({ target: [idempotencyKeys.memberId, idempotencyKeys.keyDigest], set: use });
}

/** Throws `idempotency_key_reused` if the content differs, or cannot be compared because its digest key is unknown. */
function requireSameContent(
  keys: DigestKeys,
  { fingerprint, digestKey }: Pick<typeof idempotencyKeys.$inferSelect, 'fingerprint' | 'digestKey'>,
  content: Buffer,
): void {
  const key = keys.find(({ id: keyId }) => keyId === digestKey);
  if (key === undefined || !timingSafeEqual(fingerprintOf(key, content), fingerprint))
    throw new DomainError(
      'idempotency_key_reused',
      'The Idempotency-Key was used with a different body. Nothing was stored; use a new key.',
    );
}

const fingerprintOf = ({ key }: DigestKey, content: Buffer): Buffer =>
  createHmac('sha256', key).update('idempotent content\u0002').update(content).digest();

/** Uses the oldest digest key, so that processes before and after a rotation compute the same digest. */
function keyDigestOf(keys: DigestKeys, { memberId, key }: KeyedCall): Buffer {
  const oldest = keys.at(-1) ?? keys[0];
  return createHmac('sha256', oldest.key).update(`idempotency key\u0002${memberId}\u0002${key}`).digest();
}

const lockOf = (keyDigest: Buffer): string => keyDigest.readBigInt64BE().toString();

/** Deletes idempotency keys after their lifetime. */
export async function deleteExpiredKeys(database: Database, at: Date): Promise<void> {
  await database.delete(idempotencyKeys).where(lte(idempotencyKeys.createdAt, new Date(at.getTime() - KEPT_MS)));
}
