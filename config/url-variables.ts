import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isLoopback } from '../domain/address.ts';

/** What is wrong with a URL, in words that repeat nothing of it. Null when nothing is wrong. */
type Fault = (url: URL) => string | null;

const urlWith = (otherwise: string, expected: string, faults: Readonly<Record<string, Fault>>) =>
  z
    .string()
    .default(otherwise)
    .transform((value, context): URL => {
      const given = fromHere(value);
      const url = URL.canParse(given) ? new URL(given) : null;
      const faultOf = url === null ? undefined : faults[url.protocol];
      const fault = url === null || faultOf === undefined ? `must be ${expected}` : faultOf(url);
      if (url !== null && fault === null) return url;
      context.addIssue({ code: 'custom', message: fault ?? `must be ${expected}` });
      return z.NEVER;
    });

/** `file:./.lethe/archives` is meant from the working directory. */
const fromHere = (value: string): string =>
  value.startsWith('file:') && !value.startsWith('file://')
    ? pathToFileURL(resolve(value.slice('file:'.length))).href
    : value;

const folder: Fault = ({ host, search, hash, pathname }) =>
  host === '' && search === '' && hash === '' && pathname !== '/' && !/%2f|%00/i.test(pathname)
    ? null
    : 'must name a folder, such as file:///var/lib/lethe or file:./folder, without a host and without a query';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(\/[\w.-]+)*\/?$/;
const PARAMETERS: readonly string[] = ['region', 'endpoint', 'forcePathStyle'];

const bucket: Fault = ({ hostname, port, username, password, pathname, hash, searchParams }) => {
  if (username !== '' || password !== '') return 'holds no credentials: the bucket is opened with AWS_… or a role';
  if (!BUCKET.test(hostname) || port !== '' || !PREFIX.test(pathname) || hash !== '')
    return 'must be s3://bucket or s3://bucket/prefix';
  if (
    Array.from(searchParams.keys()).some((name, index, all) => !PARAMETERS.includes(name) || all.indexOf(name) < index)
  )
    return `knows ${PARAMETERS.join(', ')}, each once`;
  if (!/^[a-z0-9-]+$/.test(searchParams.get('region') ?? 'none')) return 'has a region that is none';
  if (!['true', 'false'].includes(searchParams.get('forcePathStyle') ?? 'false'))
    return 'takes forcePathStyle=true or =false';
  const endpoint = searchParams.get('endpoint');
  return endpoint === null || isOrigin(endpoint) ? null : 'has an endpoint that is no https://host[:port]';
};

function isOrigin(given: string): boolean {
  const url = URL.canParse(given) ? new URL(given) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

export const archivesUrl = urlWith('file:./.lethe/archives', 'a URL that begins with file: or s3:', {
  'file:': folder,
  's3:': bucket,
});

const origin: Fault = (url) =>
  url.href === `${url.origin}/` ? null : 'must be no more than https://host[:port]: no path, query or user';

/** What links begin with. Whoever opens one is elsewhere, and the API answers them by TLS only. */
export const publicUrl = urlWith('http://127.0.0.1:8080', 'a URL that begins with https:', {
  'https:': origin,
  'http:': (url) => (isLoopback(url) ? origin(url) : 'must begin with https: unless it is this machine'),
});

const mailServer: Fault = ({ hostname, pathname, search, hash, username, password }) =>
  hostname !== '' && /^\/?$/.test(pathname) && `${search}${hash}` === '' && isEscaped(username) && isEscaped(password)
    ? null
    : 'must be smtp[s]://[user:password@]host[:port], with %25 for a % and %40 for an @';

const isEscaped = (text: string): boolean => /^(?:[^%]|%[0-9a-f]{2})*$/i.test(text);

export const mailUrl = urlWith('file:./.lethe/outbox', 'a URL that begins with file:, smtp: or smtps:', {
  'file:': folder,
  'smtp:': mailServer,
  'smtps:': mailServer,
});

/** `Lethe <lethe@example.com>` or `lethe@example.com`. */
export const mailbox = z
  .string()
  .default('Lethe <lethe@localhost>')
  .refine((value) => /^(?:[^<>@\p{Cc}]+ <[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/u.test(value), {
    error: 'must be an address such as Lethe <lethe@example.com>',
  });
