import type { Context } from 'hono';
import type { Authenticated } from '../db/authenticate.ts';
import { DomainError } from '../domain/errors.ts';
import type { AppEnv } from './deps.ts';

const WINDOW_S = 60;
const POLICY = 'calls';

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) on every answer. Throws `rate_limited`. */
export function tellBudget(
  c: Context<AppEnv>,
  { perMinute, takenUntil, spokenForUntil }: Authenticated,
  at: Date,
): void {
  const aheadS = Math.max(0, (spokenForUntil.getTime() - at.getTime()) / 1_000);
  const left = takenUntil === null ? 0 : Math.floor(((WINDOW_S - aheadS) * perMinute) / WINDOW_S + 1e-6);
  c.header('RateLimit-Policy', `"${POLICY}";q=${perMinute};w=${WINDOW_S}`);
  c.header('RateLimit', `"${POLICY}";r=${left};t=${Math.ceil(aheadS)}`);
  if (takenUntil !== null) return;
  const roomInS = Math.max(1, Math.ceil(aheadS + WINDOW_S / perMinute - WINDOW_S));
  c.header('Retry-After', String(roomInS));
  throw new DomainError('rate_limited', `a token may make ${perMinute} calls a minute`, {
    'violated-policies': [POLICY],
  });
}
