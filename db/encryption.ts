import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { DigestKey, DigestKeys } from './digests.ts';

/** A secret as it is stored. It cannot be decrypted with the content of the ledger alone. */
export interface EncryptedSecret {
  /** Nonce (12 bytes), tag (16 bytes) and ciphertext of AES-256-GCM. */
  readonly encrypted: Buffer;
  /** The id of the digest key that decrypts it. The key stays in use while a row names it (rule 11). */
  readonly digestKey: string;
}

/** Encrypts a secret. `purpose` names its row, so that a secret copied to another row cannot be decrypted. */
export function encryptSecret(keys: DigestKeys, purpose: string, secret: string): EncryptedSecret {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', encryptionKey(keys[0], purpose), nonce);
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return { encrypted: Buffer.concat([nonce, cipher.getAuthTag(), text]), digestKey: keys[0].id };
}

/** Decrypts a secret. Throws if its key is missing or if `purpose` is not the one it was encrypted for. */
export function decryptSecret(keys: DigestKeys, purpose: string, { encrypted, digestKey }: EncryptedSecret): string {
  const key = keys.find(({ id }) => id === digestKey);
  if (key === undefined) throw new Error(`digest key ${digestKey} is in use but not in LETHE_DIGEST_KEYS`);
  const decipher = createDecipheriv('aes-256-gcm', encryptionKey(key, purpose), encrypted.subarray(0, 12));
  decipher.setAuthTag(encrypted.subarray(12, 28));
  return Buffer.concat([decipher.update(encrypted.subarray(28)), decipher.final()]).toString('utf8');
}

/** Derives a separate key for each purpose from the digest key. */
const encryptionKey = ({ key }: DigestKey, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `lethe encrypted ${purpose}`, 32));
