import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { DigestKey, DigestKeys } from './digests.ts';

/** A secret that Lethe reads again, as it is stored. The ledger alone is not enough to decrypt it. */
export interface EncryptedSecret {
  /** Nonce (12 bytes), tag (16 bytes) and ciphertext of AES-256-GCM. */
  readonly encrypted: Buffer;
  /** The id of the digest key that decrypts it, which is needed while rows name it (rule 11). */
  readonly digestKey: string;
}

/** `purpose` names the row that the secret belongs to: copied to another row, it cannot be decrypted. */
export function encryptSecret(keys: DigestKeys, purpose: string, secret: string): EncryptedSecret {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', encryptionKey(keys[0], purpose), nonce);
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return { encrypted: Buffer.concat([nonce, cipher.getAuthTag(), text]), digestKey: keys[0].id };
}

export function decryptSecret(keys: DigestKeys, purpose: string, { encrypted, digestKey }: EncryptedSecret): string {
  const key = keys.find(({ id }) => id === digestKey);
  if (key === undefined) throw new Error(`digest key ${digestKey} is in use but not in LETHE_DIGEST_KEYS`);
  const decipher = createDecipheriv('aes-256-gcm', encryptionKey(key, purpose), encrypted.subarray(0, 12));
  decipher.setAuthTag(encrypted.subarray(12, 28));
  return Buffer.concat([decipher.update(encrypted.subarray(28)), decipher.final()]).toString('utf8');
}

/** A key of its own for every purpose, none of which is the digest key itself. */
const encryptionKey = ({ key }: DigestKey, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `lethe encrypted ${purpose}`, 32));
