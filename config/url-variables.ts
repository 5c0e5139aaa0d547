import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isLoopback } from '../domain/network/address.ts';

/** Returns what is wrong with a URL, without repeating any part of it. Null when the URL is valid. */
type UrlCheck = (url: URL) => string | null;

const urlVariable = (defaultUrl: string, expected: string, checks: Readonly<Record<string, UrlCheck>>) =>
  z
    .string()
    .default(defaultUrl)
    .transform((value, context): URL => {
      const text = resolveFileUrl(value);
      const url = URL.canParse(text) ? new URL(text) : null;
      const check = url === null ? undefined : checks[url.protocol];
      const error = url === null || check === undefined ? `must be ${expected}` : check(url);
      if (url !== null && error === null) return url;
      context.addIssue({ code: 'custom', message: error ?? `must be ${expected}` });
      return z.NEVER;
    });

/** `file:./.lethe/archives` is relative to the working directory. */
const resolveFileUrl = (value: string): string =>
  value.startsWith('file:') && !value.startsWith('file://')
    ? pathToFileURL(resolve(value.slice('file:'.length))).href
    : value;

const folder: UrlCheck = ({ host, search, hash, pathname }) =>
  host === '' && search === '' && hash === '' && pathname !== '/' && !/%2f|%00/i.test(pathname)
    ? null
    : 'must be a folder such as file:///var/lib/lethe or file:./folder, without host and query';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(\/[\w.-]+)*\/?$/;
const PARAMETERS: readonly string[] = ['region', 'endpoint', 'forcePathStyle'];

const bucket: UrlCheck = ({ hostname, port, username, password, pathname, hash, searchParams }) => {
  if (username !== '' || password !== '') return 'must not contain credentials; use the AWS_ variables or a role';
  if (!BUCKET.test(hostname) || port !== '' || !PREFIX.test(pathname) || hash !== '')
    return 'must be s3://bucket or s3://bucket/prefix';
  if (
    Array.from(searchParams.keys()).some((name, index, all) => !PARAMETERS.includes(name) || all.indexOf(name) < index)
  )
    return `allows only the parameters ${PARAMETERS.join(', ')}, each once`;
  if (!/^[a-z0-9-]+$/.test(searchParams.get('region') ?? 'none')) return 'has an invalid region';
  if (!['true', 'false'].includes(searchParams.get('forcePathStyle') ?? 'false'))
    return 'must have forcePathStyle=true or forcePathStyle=false';
  const endpoint = searchParams.get('endpoint');
  return endpoint === null || isOrigin(endpoint) ? null : 'must have an endpoint of the form https://host[:port]';
};

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

export const archivesUrl = urlVariable('file:./.lethe/archives', 'a URL that begins with file: or s3:', {
  'file:': folder,
  's3:': bucket,
});

const origin: UrlCheck = (url) =>
  url.href === `${url.origin}/` ? null : 'must be https://host[:port], without path, query and user';

/** The beginning of every download link. Must be https, because the API serves downloads over TLS only. */
export const publicUrl = urlVariable('http://127.0.0.1:8080', 'a URL that begins with https:', {
  'https:': origin,
  'http:': (url) => (isLoopback(url) ? origin(url) : 'must begin with https: unless the host is this machine'),
});

const mailServer: UrlCheck = ({ hostname, pathname, search, hash, username, password }) =>
  hostname !== '' && /^\/?$/.test(pathname) && `${search}${hash}` === '' && isEscaped(username) && isEscaped(password)
    ? null
    : 'must be smtp[s]://[user:password@]host[:port]; write % as %25 and @ as %40';

const isEscaped = (text: string): boolean => /^(?:[^%]|%[0-9a-f]{2})*$/i.test(text);

export const mailUrl = urlVariable('file:./.lethe/outbox', 'a URL that begins with file:, smtp: or smtps:', {
  'file:': folder,
  'smtp:': mailServer,
  'smtps:': mailServer,
});

/** `Lethe <lethe@example.com>` or `lethe@example.com`. */
export const mailbox = z
  .string()
  .default('Lethe <lethe@localhost>')
  .refine((value) => /^(?:[^<>@\p{Cc}]+ <[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/u.test(value), {
    error: 'must be an email address such as Lethe <lethe@example.com>',
  });

/** A host name or an address. Without a port, Temporal's SDK uses 7233. */
export const temporalAddress = z.string().refine((value) => /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.test(value), {
  error: 'must be a host and a port, such as 127.0.0.1:7233',
});

/** `127.0.0.1:9464` or `[::1]:9464`. A host name is rejected, because it would have to be resolved. */
export const socketAddress = z
  .string()
  .transform((value, context): { readonly host: string; readonly port: number } => {
    const [, ipv6, ipv4, digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
    const [host = '', portNumber] = [ipv6 ?? ipv4, Number(digits)];
    if (isIP(host) === (ipv6 === undefined ? 4 : 6) && portNumber >= 1 && portNumber <= 65_535)
      return { host, port: portNumber };
    context.addIssue({ code: 'custom', message: 'must be an IP address and a port, such as 127.0.0.1:9464' });
    return z.NEVER;
  });
