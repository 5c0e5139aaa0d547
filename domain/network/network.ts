import ipaddr from 'ipaddr.js';

/** An address or a range of addresses, such as `10.0.0.0/8`. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Null for a text that is neither an IP address nor a CIDR range. */
export function parseNetwork(text: string): Network | null {
  const [address = '', suffix] = text.split(/\/(.*)/s);
  const family = familyOf(address);
  if (family === null) return null;
  const longest = family === 'ipv6' ? 128 : 32;
  const prefix = suffix === undefined ? longest : /^\d{1,3}$/.test(suffix) ? Number(suffix) : Infinity;
  return prefix > longest ? null : { address, prefix, family };
}

/** ipaddr.js also reads zones (`fe80::1%eth0`) and addresses with fewer than four numbers. */
function familyOf(address: string): Network['family'] | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return 'ipv4';
  return !address.includes('%') && ipaddr.IPv6.isValid(address) ? 'ipv6' : null;
}
