import type { Context } from 'hono';
import type { Authenticated } from '../../db/members/authenticate.ts';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';

const WINDOW_S = 60;
const POLICY = 'calls';

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) on every answer: `r` calls are left, and
 * after `t` seconds it is one more, which of a spent budget is also what `Retry-After` says. Throws `rate_limited`.
 */
export function setRateLimitHeaders(
  c: Context<AppEnv>,
  { perMinute, taken, partUs: costUs, aheadUs: usedUs }: Authenticated,
): void {
  const wholeUs = perMinute * costUs;
  const left = taken ? Math.floor((wholeUs - usedUs) / costUs) : 0;
  const moreInS = Math.max(1, Math.ceil((usedUs + (left + 1) * costUs - wholeUs) / 1e6));
  c.header('RateLimit-Policy', `"${POLICY}";q=${perMinute};w=${WINDOW_S}`);
  c.header('RateLimit', `"${POLICY}";r=${left};t=${moreInS}`);
  if (taken) return;
  c.header('Retry-After', String(moreInS));
  throw new DomainError('rate_limited', `a token may make ${perMinute} calls a minute`, {
    'violated-policies': [POLICY],
  });
}
