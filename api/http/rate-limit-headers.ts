import type { Context } from 'hono';
import type { Authenticated } from '../../db/members/authenticate.ts';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';

const WINDOW_S = 60;
const POLICY = 'calls';

/**
 * Sets `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): `r` calls remain, and one more is
 * available in `t` seconds. Throws `rate_limited` and sets `Retry-After` to `t` when no call remains.
 */
export function setRateLimitHeaders(c: Context<AppEnv>, { perMinute, isAllowed, costUs, usedUs }: Authenticated): void {
  const budgetUs = perMinute * costUs;
  const remaining = isAllowed ? Math.floor((budgetUs - usedUs) / costUs) : 0;
  const nextCallInS = Math.max(1, Math.ceil((usedUs + (remaining + 1) * costUs - budgetUs) / 1e6));
  c.header('RateLimit-Policy', `"${POLICY}";q=${perMinute};w=${WINDOW_S}`);
  c.header('RateLimit', `"${POLICY}";r=${remaining};t=${nextCallInS}`);
  if (isAllowed) return;
  c.header('Retry-After', String(nextCallInS));
  throw new DomainError(
    'rate_limited',
    `The token has used its ${perMinute} calls per minute. Nothing was changed; retry in ${nextCallInS} s.`,
    { 'violated-policies': [POLICY] },
  );
}
