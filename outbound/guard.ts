import { lookup as systemLookup } from 'node:dns';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../domain/address.ts';

/** Where a webhook may not lead. */
export class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
  constructor() {
    super('the address is none that a webhook may lead to');
  }
}

/** Which addresses may be connected to. */
export interface Guard {
  /** Networks that are allowed though they are private. */
  readonly networks: BlockList;
  /** What asks for addresses; the system's where it is not given. */
  readonly lookup?: LookupFunction;
}

/** Throws `AddressRefused`. In clear only to networks that were named: nothing crosses the Internet unencrypted. */
export function requireAllowed({ networks }: Guard, encrypted: boolean, address: string): void {
  if (networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return;
  if (!encrypted || !isPublicAddress(address)) throw new AddressRefused();
}

/**
 * For a socket: it connects to what this answers and asks nobody again, so an answer that changes afterwards changes
 * nothing. One address of several that is refused refuses the name: an honest one does not mix them.
 */
export const guardedLookup =
  (guard: Guard, encrypted: boolean): LookupFunction =>
  (hostname, options, answer) => {
    const ask = guard.lookup ?? systemLookup;
    ask(hostname, { ...options, all: true }, (error, found) => {
      const addresses = typeof found === 'string' ? [] : found;
      const [first] = addresses;
      if (error !== null || first === undefined) return answer(error ?? new AddressRefused(), '');
      try {
        for (const { address } of addresses) requireAllowed(guard, encrypted, address);
      } catch (refusal) {
        return answer(refusal instanceof Error ? refusal : new AddressRefused(), '');
      }
      if (options.all === true) answer(null, [...addresses]);
      else answer(null, first.address, first.family);
    });
  };
