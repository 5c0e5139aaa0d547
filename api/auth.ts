import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { DomainError } from '../domain/errors.ts';
import type { AppEnv } from './deps.ts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** One bearer token. Digests of equal length are compared, so that the time taken tells nothing of either. */
export function bearerToken(token: string): MiddlewareHandler<AppEnv> {
  const expected = sha256(token);
  return async function bearerToken(c, next) {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
    if (given === undefined || !timingSafeEqual(sha256(given), expected)) {
      throw new DomainError('unauthorized', 'the header Authorization has no valid bearer token');
    }
    await next();
  };
}
