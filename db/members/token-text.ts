import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `lethe_<random>_<checksum>`: the prefix lets scanners find a leaked one, the checksum tells a mistyped one without a look-up. */
const TOKEN = /^lethe_([0-9a-f]{64})_([0-9a-f]{8})$/;

const checksum = (random: string): string => crc32(`lethe_${random}`).toString(16).padStart(8, '0');

export function newTokenText(): string {
  const random = randomBytes(32).toString('hex');
  return `lethe_${random}_${checksum(random)}`;
}

/** SHA-256, as it is stored; null for what cannot be a token. */
export function tokenDigest(text: string): Buffer | null {
  const [, random, sum] = TOKEN.exec(text) ?? [];
  if (random === undefined || sum !== checksum(random)) return null;
  return createHash('sha256').update(text).digest();
}
