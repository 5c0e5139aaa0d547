import { createHash, randomBytes } from 'node:crypto';

/** 32 random bytes: nobody guesses one, so nothing needs to count guesses. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export const newLinkToken = (): string => randomBytes(32).toString('base64url');

/** SHA-256, as it is stored; null for what cannot be a token. */
export const linkDigest = (token: string): Buffer | null =>
  TOKEN.test(token) ? createHash('sha256').update(token).digest() : null;
