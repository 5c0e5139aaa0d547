import { lookup as systemLookup } from 'node:dns';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import { hostOf, isPublicAddress } from '../domain/network/address.ts';

/** The destination of a call is not allowed. */
export class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
  constructor() {
    super('calls to this address are not allowed');
  }
}

/** Defines the addresses that calls to other parties, such as webhooks, may connect to. */
export interface Guard {
  /** Private networks that are allowed. */
  readonly networks: BlockList;
  /** Resolves host names. Default: the resolver of the operating system. */
  readonly lookup?: LookupFunction;
}

/** Throws `AddressRefused`. Plain HTTP is allowed only to the listed networks, never over the Internet. */
export function requireAllowed({ networks }: Guard, encrypted: boolean, address: string): void {
  if (networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return;
  if (!encrypted || !isPublicAddress(address)) throw new AddressRefused();
}

/** For a host that is an IP address, the socket calls no `lookup`, so the address is checked here. Throws `AddressRefused`. */
export function requireAllowedHost(guard: Guard, url: URL): void {
  const host = hostOf(url);
  if (isIP(host) !== 0) requireAllowed(guard, url.protocol === 'https:', host);
}

/**
 * A `lookup` for sockets. The socket connects to the checked addresses without a second lookup, which prevents DNS
 * rebinding. A name is refused if any of its addresses is refused.
 */
export const guardedLookup =
  (guard: Guard, encrypted: boolean): LookupFunction =>
  (hostname, options, callback) => {
    const lookup = guard.lookup ?? systemLookup;
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses = typeof found === 'string' ? [] : found;
      const [first] = addresses;
      if (error !== null || first === undefined) return callback(error ?? new AddressRefused(), '');
      try {
        for (const { address } of addresses) requireAllowed(guard, encrypted, address);
      } catch (refusal) {
        return callback(refusal instanceof Error ? refusal : new AddressRefused(), '');
      }
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
