import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** One schema per variable. Messages are our own: those of zod may repeat what was given. */
const text = (expected: string) =>
  z.string({ error: (issue) => (issue.input === undefined ? 'is not set' : expected) });
const POSTGRES_URL = /^postgres(ql)?:\/\//;

export const databaseUrl = text('').refine((value) => POSTGRES_URL.test(value) && URL.canParse(value), {
  error: 'must be a URL that begins with postgres://',
});

export const port = z
  .string()
  .refine((value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535, { error: 'must be a port number' })
  .transform(Number);

/** `127.0.0.1:9464` or `[::1]:9464`; a name would have to be looked up first. */
export const socketAddress = z.string().transform((value, context): SocketAddress => {
  const [, six, four, digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const [host = '', listensOn] = [six ?? four, Number(digits)];
  if (isIP(host) === (six === undefined ? 4 : 6) && listensOn >= 1 && listensOn <= 65_535)
    return { host, port: listensOn };
  context.addIssue({ code: 'custom', message: 'must be an address and a port such as 127.0.0.1:9464' });
  return z.NEVER;
});
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export const logLevel = z
  .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    error: 'must be trace, debug, info, warn, error, fatal or silent',
  })
  .default('info');

export interface DigestKey {
  readonly id: string;
  readonly key: Buffer;
}
const KEY = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]+)={0,2}$/;

/** `id:base64url,id2:…`, the newest first: it makes digests, the others still find them (rule 11). */
export const digestKeys = text('').transform((value, context): readonly DigestKey[] => {
  const keys = value.split(',').map((part) => KEY.exec(part.trim()));
  const parsed = keys.flatMap((match) =>
    match?.[1] && match[2] ? [{ id: match[1], key: Buffer.from(match[2], 'base64url') }] : [],
  );
  const error =
    parsed.length < keys.length
      ? 'must be `id:key`, keys in base64url, several separated by commas'
      : parsed.some(({ key }) => key.length < 32)
        ? 'each key needs at least 32 bytes'
        : new Set(parsed.map(({ id }) => id)).size < parsed.length
          ? 'two keys have the same id'
          : null;
  if (error === null) return parsed;
  context.addIssue({ code: 'custom', message: error });
  return z.NEVER;
});

/** Addresses and ranges (`10.0.0.0/8`), separated by commas; none where there is none. */
export const networks = z
  .string()
  .default('')
  .transform((value, context): BlockList => {
    const list = new BlockList();
    const given = value.split(',').flatMap((part) => part.trim() || []);
    for (const [index, network] of given.entries())
      if (!addNetwork(list, network))
        context.addIssue({
          code: 'custom',
          message: `no. ${index + 1} is neither an address nor a range of addresses`,
        });
    return list;
  });

function addNetwork(list: BlockList, network: string): boolean {
  const [address = '', prefix] = network.split(/\/(.*)/s);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) list.addAddress(address, family);
  else if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32)) return false;
  else list.addSubnet(address, Number(prefix), family);
  return true;
}
