import { createHmac, timingSafeEqual } from 'node:crypto';
import { DAY_MS } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Accepted, AcceptedRequest } from './create.ts';
import type { Database, Transaction } from '../client.ts';
import type { DigestKey, DigestKeys } from '../digests.ts';
import { transaction } from '../transaction.ts';

/** A call that its sender has given a key, so that sending it again is no second request. */
export interface Replayable {
  readonly key: string;
  /** SHA-256 of all that the call says. */
  readonly content: Buffer;
}
interface KeyedCall extends Replayable {
  readonly memberId: string;
  readonly at: Date;
}

const KEPT_MS = DAY_MS;

interface Used extends AcceptedRequest {
  readonly fingerprint: Buffer;
  readonly digestKey: string;
}

/**
 * Accepts what the call asks for, or tells what it was accepted as before. The lock ends with the transaction, so that
 * a process that dies leaves neither a request nor a key in use; whatever refuses the request leaves the key unused.
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
    // A statement of its own: the look-up must see what the holder before has committed.
    const [lock] = await tx<{ taken: boolean }[]>`
      SELECT pg_try_advisory_xact_lock(${lockOf(keyDigest)}::bigint) AS taken`;
    if (lock?.taken !== true)
      throw new DomainError('idempotency_key_in_use', 'the first request with this key is still being answered');
    const [used] = await tx<Used[]>`
      SELECT fingerprint, digest_key, id, project, kind, regulation, status, submitted, received_at, due_at, hard_delete_at, estimated_completion_at
      FROM lethe.idempotency_keys JOIN lethe.requests ON id = request_id
      WHERE member_id = ${memberId} AND key_digest = ${keyDigest} AND created_at > ${new Date(at.getTime() - KEPT_MS)}`;
    if (used !== undefined) return replayOf(keys, used, content);
    const accepted = await accept(tx);
    const [newest] = keys;
    await tx`
      INSERT INTO lethe.idempotency_keys (member_id, key_digest, fingerprint, digest_key, request_id, created_at)
      VALUES (${memberId}, ${keyDigest}, ${fingerprintOf(newest, content)}, ${newest.id}, ${accepted.id}, ${at})
      ON CONFLICT (member_id, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, digest_key = excluded.digest_key,
        request_id = excluded.request_id, created_at = excluded.created_at`;
    return { ...accepted, replayed: false };
  });
}

/** What cannot be compared, because its digest key is not known here, is not taken for the same. */
function replayOf(keys: DigestKeys, { fingerprint, digestKey, ...accepted }: Used, content: Buffer): Accepted {
  const key = keys.find((one) => one.id === digestKey);
  if (key === undefined || !timingSafeEqual(fingerprintOf(key, content), fingerprint))
    throw new DomainError('idempotency_key_reused', 'the key was used with another body');
  return { ...accepted, replayed: true };
}

const fingerprintOf = ({ key }: DigestKey, content: Buffer): Buffer =>
  createHmac('sha256', key).update('idempotent content\u0002').update(content).digest();

/** Under the oldest key, which no rotation changes: a process that knows a newer one and one that does not agree on it. */
function keyDigestOf(keys: DigestKeys, { memberId, key }: KeyedCall): Buffer {
  const oldest = keys.at(-1) ?? keys[0];
  return createHmac('sha256', oldest.key).update(`idempotency key\u0002${memberId}\u0002${key}`).digest();
}

const lockOf = (keyDigest: Buffer): string => keyDigest.readBigInt64BE().toString();

/** What no call can be a repetition of any more. */
export async function forgetOldKeys(database: Database, at: Date): Promise<void> {
  await database`DELETE FROM lethe.idempotency_keys WHERE created_at <= ${new Date(at.getTime() - KEPT_MS)}`;
}
