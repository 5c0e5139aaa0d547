import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type Identity, identityText } from '../domain/identity.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import type { Database } from './client.ts';
import { digestKeys as keysInUse } from './schema/projects.ts';

export interface DigestKey {
  readonly id: string;
  /** A KeyObject: bytes would have to be made a key again for every digest. */
  readonly key: KeyObject;
}
/** Newest first. The newest writes ownership; look-ups are written and searched under all of them (rule 11). */
export type DigestKeys = readonly [DigestKey, ...DigestKey[]];
export interface Digest {
  readonly keyId: string;
  readonly digest: Buffer;
}

/** HMAC-SHA-256 over project, kind and normalised identity: matches a known identity, and cannot be reversed. */
function digestWith(key: DigestKey, project: string, kind: SubjectKind, identity: Identity): Digest {
  const digest = createHmac('sha256', key.key)
    .update(`${project}\u0002${kind}\u0002${identityText(identity)}`)
    .digest();
  return { keyId: key.id, digest };
}

/** Under every key in use, so that rows written with an older one are found too. */
export const digestsOf = (
  keys: DigestKeys,
  project: string,
  kind: SubjectKind,
  identity: Identity,
): readonly Digest[] => keys.map((key) => digestWith(key, project, kind, identity));

/** Under the newest key. */
export const ownDigest = (keys: DigestKeys, project: string, kind: SubjectKind, identity: Identity): Digest =>
  digestWith(keys[0], project, kind, identity);

/** Throws if rows exist under a key that is missing here, or if a key differs from the stored one of the same id. */
export async function requireDigestKeys(database: Database, keys: DigestKeys): Promise<void> {
  const proofs = new Map(
    keys.map((key) => [key.id, createHmac('sha256', key.key).update('lethe digest key').digest()]),
  );
  const known = await database.select().from(keysInUse);
  for (const { id, proof } of known) {
    const mine = proofs.get(id);
    if (mine === undefined) throw new Error(`digest key ${id} is in use but not in LETHE_DIGEST_KEYS`);
    if (!timingSafeEqual(mine, proof))
      throw new Error(`digest key ${id} in LETHE_DIGEST_KEYS is not the one that rows were written with`);
  }
  const rows = Array.from(proofs, ([id, proof]) => ({ id, proof }));
  await database.insert(keysInUse).values(rows).onConflictDoNothing();
}

/** The keys of the environment, which rejects an empty list. */
export function digestKeys(list: readonly { readonly id: string; readonly key: Buffer }[]): DigestKeys {
  const [newest, ...older] = list.map(({ id, key }) => ({ id, key: createSecretKey(key) }));
  if (newest === undefined) throw new Error('LETHE_DIGEST_KEYS holds no key');
  return [newest, ...older];
}
