import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { DigestKey, DigestKeys } from './digests.ts';

/** A secret that Lethe has to be able to read again, at rest: whoever has the ledger alone cannot. */
export interface Sealed {
  /** Nonce (12 bytes), tag (16 bytes), and what AES-256-GCM made of the secret. */
  readonly sealed: Buffer;
  /** The id of the digest key that opens it; that one is not given up while rows say its name (rule 11). */
  readonly digestKey: string;
}

/** `purpose` is what the secret belongs to, such as a row's id: moved to another row it does not open. */
export function seal(keys: DigestKeys, purpose: string, secret: string): Sealed {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(keys[0], purpose), nonce);
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), text]), digestKey: keys[0].id };
}

export function unseal(keys: DigestKeys, purpose: string, { sealed, digestKey }: Sealed): string {
  const key = keys.find(({ id }) => id === digestKey);
  if (key === undefined) throw new Error(`digest key ${digestKey} is in use but not in LETHE_DIGEST_KEYS`);
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(key, purpose), sealed.subarray(0, 12));
  decipher.setAuthTag(sealed.subarray(12, 28));
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8');
}

/** Apart from digests, and from every other purpose. */
const sealingKey = ({ key }: DigestKey, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `lethe sealed ${purpose}`, 32));
