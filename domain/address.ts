import ipaddr from 'ipaddr.js';

/**
 * Whether an address, as text, is one of the public Internet. Of IPv6 only global unicast (2000::/3) counts, so no form
 * that hides an IPv4 address (mapped, NAT64) is public. Text that is not one plain address is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (isPlainIpv4(address)) return PUBLIC.includes(ipaddr.IPv4.parse(address).range());
  // ipaddr.js also reads zones (`fe80::1%eth0`) and IPv4 inside IPv6 (`2606::8.8.8.8`).
  if (!/^[0-9a-f:]+$/i.test(address) || !ipaddr.IPv6.isValid(address)) return false;
  const six = ipaddr.IPv6.parse(address);
  return six.match(GLOBAL_UNICAST) && !six.match(PROTOCOL_ASSIGNMENTS) && PUBLIC.includes(six.range());
}

/** What a URL names, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Only this machine reaches it. */
export function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return (
    host === 'localhost' || host === '::1' || (isPlainIpv4(host) && ipaddr.IPv4.parse(host).range() === 'loopback')
  );
}

/** Four decimal numbers: ipaddr.js also reads `8.8` and `0x8.8.8.8`, which other programs read as other addresses. */
const isPlainIpv4 = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text);

/** Ranges of ipaddr.js that anyone may reach; it knows the IANA registries of special addresses by name. */
const PUBLIC: readonly string[] = ['unicast', 'as112', 'as112v6', 'amt'];
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Closed as a whole, also where ipaddr.js names a part of it on its own (AS112, AMT, benchmarking). */
const PROTOCOL_ASSIGNMENTS = ipaddr.IPv6.parseCIDR('2001::/23');
