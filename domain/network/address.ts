import ipaddr from 'ipaddr.js';

/**
 * Whether the text is a public Internet address. For IPv6 only global unicast (2000::/3) is public, so forms that embed
 * an IPv4 address (mapped, NAT64) are not. Text that is not a plain address is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (isPlainIpv4(address)) return PUBLIC.includes(ipaddr.IPv4.parse(address).range());
  // ipaddr.js also reads zones (`fe80::1%eth0`) and IPv4 inside IPv6 (`2606::8.8.8.8`).
  if (!/^[0-9a-f:]+$/i.test(address) || !ipaddr.IPv6.isValid(address)) return false;
  const six = ipaddr.IPv6.parse(address);
  return six.match(GLOBAL_UNICAST) && !six.match(PROTOCOL_ASSIGNMENTS) && PUBLIC.includes(six.range());
}

/** The host of a URL, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Whether only this machine can reach the host of the URL. */
export function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return (
    host === 'localhost' || host === '::1' || (isPlainIpv4(host) && ipaddr.IPv4.parse(host).range() === 'loopback')
  );
}

/**
 * Whether the text is four decimal numbers. ipaddr.js also reads `8.8` and `0x8.8.8.8`, which other programs read
 * differently.
 */
const isPlainIpv4 = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text);

/** The ranges of ipaddr.js that are public. Its names follow the IANA registries of special-purpose addresses. */
const PUBLIC: readonly string[] = ['unicast', 'as112', 'as112v6', 'amt'];
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Not public as a whole, including the parts that ipaddr.js names separately (AS112, AMT, benchmarking). */
const PROTOCOL_ASSIGNMENTS = ipaddr.IPv6.parseCIDR('2001::/23');
