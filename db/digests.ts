import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type Identity, identityText } from '../domain/identity.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import type { Database } from './client.ts';

export interface DigestKey {
  readonly id: string;
  /** Not its bytes, which every digest would have to make a key of again. */
  readonly key: KeyObject;
}
/** Newest first; the newest writes ownership, all of them write and seek look-ups (rule 11). */
export type DigestKeys = readonly [DigestKey, ...DigestKey[]];
export interface Digest {
  readonly keyId: string;
  readonly digest: Buffer;
}

/** HMAC-SHA-256 over project, kind and normalised identity: says who it is only to whom asks with the identity in hand. */
function digestWith(key: DigestKey, project: string, kind: SubjectKind, identity: Identity): Digest {
  const digest = createHmac('sha256', key.key)
    .update(`${project}\u0002${kind}\u0002${identityText(identity)}`)
    .digest();
  return { keyId: key.id, digest };
}

/** Under every key in use: rows written with an older one are found too. */
export const digestsOf = (
  keys: DigestKeys,
  project: string,
  kind: SubjectKind,
  identity: Identity,
): readonly Digest[] => keys.map((key) => digestWith(key, project, kind, identity));

/** Under the newest key. */
export const ownDigest = (keys: DigestKeys, project: string, kind: SubjectKind, identity: Identity): Digest =>
  digestWith(keys[0], project, kind, identity);

/** Throws when rows exist under a key that is missing here, or that has become another one under the same id. */
export async function requireDigestKeys(database: Database, keys: DigestKeys): Promise<void> {
  const proofs = new Map(
    keys.map((key) => [key.id, createHmac('sha256', key.key).update('lethe digest key').digest()]),
  );
  const known = await database<{ id: string; proof: Buffer }[]>`SELECT id, proof FROM lethe.digest_keys`;
  for (const { id, proof } of known) {
    const mine = proofs.get(id);
    if (mine === undefined) throw new Error(`digest key ${id} is in use but not in LETHE_DIGEST_KEYS`);
    if (!timingSafeEqual(mine, proof))
      throw new Error(`digest key ${id} in LETHE_DIGEST_KEYS is not the one that rows were written with`);
  }
  for (const [id, proof] of proofs) {
    await database`INSERT INTO lethe.digest_keys (id, proof) VALUES (${id}, ${proof}) ON CONFLICT DO NOTHING`;
  }
}

/** The list from the environment, which refuses an empty one. */
export function digestKeys(list: readonly { readonly id: string; readonly key: Buffer }[]): DigestKeys {
  const [newest, ...older] = list.map(({ id, key }) => ({ id, key: createSecretKey(key) }));
  if (newest === undefined) throw new Error('LETHE_DIGEST_KEYS holds no key');
  return [newest, ...older];
}
