import { BlockList, isIP } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { DomainError } from '../../domain/errors.ts';
import type { AppEnv } from '../deps.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Runs before any token is read. Throws `https_required` for a call that crossed a network unencrypted. */
export const requireHttps = (trustedProxies = new BlockList()): MiddlewareHandler<AppEnv> =>
  async function requireHttps(c, next) {
    if (!isSecure(peerOf(c), c.req.header('X-Forwarded-Proto'), trustedProxies))
      throw new DomainError(
        'https_required',
        'The call used plain HTTP from another machine. Nothing was changed; use HTTPS, and revoke a token that was sent.',
      );
    await next();
  };

/**
 * Whether the call never left the machine, or a trusted proxy received it by HTTPS. Each hop appends to
 * `X-Forwarded-Proto`, so only the last value is set by the peer; the others are ignored.
 */
export function isSecure(peer: string | undefined, forwardedProto: string | undefined, trusted: BlockList): boolean {
  const proto = forwardedProto?.split(',').at(-1)?.trim().toLowerCase();
  if (isAmong(LOOPBACK, peer)) return proto === undefined || proto === 'https';
  return proto === 'https' && isAmong(trusted, peer);
}

function isAmong(ranges: BlockList, address = ''): boolean {
  const version = isIP(address);
  return version !== 0 && ranges.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** Undefined when there is no connection, or it is closed. */
const peerOf = (c: Context<AppEnv>): string | undefined =>
  c.env.incoming === undefined ? undefined : getConnInfo(c).remote.address;
