/**
 * Whether an address, as text, is one of the public Internet. Of IPv6 only what is given out as global unicast
 * (2000::/3) counts: so no form in which an IPv4 address hides (mapped, NAT64) is public, nor is anything unheard of.
 * What cannot be read is not public.
 */
export function isPublicAddress(address: string): boolean {
  const four = bytesOf(address);
  if (four !== null) return !SPECIAL_4.some((range) => isWithin(four, range));
  const six = groupsOf(address);
  return six !== null && isWithin(six, GLOBAL_6) && !SPECIAL_6.some((range) => isWithin(six, range));
}

/** What a URL names, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Only this machine reaches it. */
export function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return host === 'localhost' || host === '::1' || bytesOf(host)?.[0] === 127;
}

/** The first numbers of a range, each of so many bits, and how many bits of them decide. */
interface Range {
  readonly numbers: readonly number[];
  readonly prefix: number;
}
const range = (prefix: number, ...numbers: number[]): Range => ({ numbers, prefix });

/** IANA IPv4 Special-Purpose Address Registry, and everything from 224.0.0.0 on: multicast, reserved, broadcast. */
const SPECIAL_4: readonly Range[] = [
  range(8, 0),
  range(8, 10),
  range(10, 100, 64),
  range(8, 127),
  range(16, 169, 254),
  range(12, 172, 16),
  range(24, 192, 0, 0),
  range(24, 192, 0, 2),
  range(24, 192, 88, 99),
  range(16, 192, 168),
  range(15, 198, 18),
  range(24, 198, 51, 100),
  range(24, 203, 0, 113),
  range(3, 224),
];
const GLOBAL_6 = range(3, 0x2000);
/** Protocol assignments (Teredo among them), documentation twice, and 6to4, which carries any IPv4 address. */
const SPECIAL_6: readonly Range[] = [
  range(23, 0x2001, 0),
  range(32, 0x2001, 0xdb8),
  range(16, 0x2002),
  range(20, 0x3fff, 0),
];

function isWithin(address: readonly number[], { numbers, prefix }: Range): boolean {
  const bits = address.length === 4 ? 8 : 16;
  return numbers.every((number, index) => {
    const free = Math.max(0, bits * (index + 1) - prefix);
    return (address[index] ?? 0) >> free === number >> free;
  });
}

const bytesOf = (address: string): readonly number[] | null =>
  /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(address) ? address.split('.').map(Number) : null;

/** The eight groups of an address without zone. `::ffff:127.0.0.1` ends in an IPv4 address and has no groups here. */
function groupsOf(address: string): readonly number[] | null {
  const halves = address.split('::');
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const gap = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 2 ? gap < 1 : gap !== 0)) return null;
  const groups = [...head, ...Array<string>(gap).fill('0'), ...tail];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map((group) => parseInt(group, 16)) : null;
}
