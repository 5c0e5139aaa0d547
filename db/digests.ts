import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { canonicalIdentity } from '../domain/identity-forms.ts';
import { type Identity, identityText, type NamedIdentity } from '../domain/identity.ts';
import type { SubjectKind } from '../domain/vocabulary.ts';
import type { Database } from './client.ts';
import { digestKeys as keysInUse } from './schema/projects.ts';

/** A key of LETHE_DIGEST_KEYS. */
export interface DigestKey {
  readonly id: string;
  /** A KeyObject, so that bytes are not converted to a key for every digest. */
  readonly key: KeyObject;
}
/** All digest keys, newest first. Digests are stored and searched under all of them (rule 11). */
export type DigestKeys = readonly [DigestKey, ...DigestKey[]];
/** A digest with the id of its key. */
export interface Digest {
  readonly keyId: string;
  readonly digest: Buffer;
}

/** HMAC-SHA-256 over project, kind and identity. It matches a known identity and cannot be reversed. */
function computeDigest(key: DigestKey, project: string, kind: SubjectKind, identity: Identity): Digest {
  const digest = createHmac('sha256', key.key)
    .update(`${project}\u0002${kind}\u0002${identityText(identity)}`)
    .digest();
  return { keyId: key.id, digest };
}

/** The digests of what a caller named, in its canonical form, as holds, suppressions and look-ups compare it. */
export const namedDigests = (
  keys: DigestKeys,
  project: string,
  kind: SubjectKind,
  named: NamedIdentity,
): readonly Digest[] => digestsOf(keys, project, kind, canonicalIdentity(named));

/**
 * The digests of what a caller named in exactly this spelling. Spellings with one canonical form can be different in a
 * database, so each of them reaches the systems. No identity type starts with `=`, so no other digest is equal.
 */
export const spellingDigests = (
  keys: DigestKeys,
  project: string,
  kind: SubjectKind,
  { type, value }: NamedIdentity,
): readonly Digest[] => digestsOf(keys, project, kind, { type: `=${type}`, value });

/** The digests of an identity under every key in use, so that rows written with an older key are found too. */
export const digestsOf = (
  keys: DigestKeys,
  project: string,
  kind: SubjectKind,
  identity: Identity,
): readonly Digest[] => keys.map((key) => computeDigest(key, project, kind, identity));

/** The digest of an identity under the newest key. */
export const newestDigest = (keys: DigestKeys, project: string, kind: SubjectKind, identity: Identity): Digest =>
  computeDigest(keys[0], project, kind, identity);

/** Throws if rows exist under a key that is missing, or if a key differs from the stored key with the same id. */
export async function requireDigestKeys(database: Database, keys: DigestKeys): Promise<void> {
  const proofs = new Map(
    keys.map((key) => [key.id, createHmac('sha256', key.key).update('lethe digest key').digest()]),
  );
  const stored = await database.select().from(keysInUse);
  for (const { id, proof } of stored) {
    const current = proofs.get(id);
    if (current === undefined) throw new Error(`digest key ${id} is in use but not in LETHE_DIGEST_KEYS`);
    if (!timingSafeEqual(current, proof))
      throw new Error(`digest key ${id} in LETHE_DIGEST_KEYS differs from the key with this id that is in use`);
  }
  const rows = Array.from(proofs, ([id, proof]) => ({ id, proof }));
  await database.insert(keysInUse).values(rows).onConflictDoNothing();
}

/** Converts the keys of the environment. Throws if the list is empty. */
export function createDigestKeys(list: readonly { readonly id: string; readonly key: Buffer }[]): DigestKeys {
  const [newest, ...older] = list.map(({ id, key }) => ({ id, key: createSecretKey(key) }));
  if (newest === undefined) throw new Error('LETHE_DIGEST_KEYS contains no key');
  return [newest, ...older];
}
