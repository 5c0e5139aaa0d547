import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isLoopback } from '../domain/network/address.ts';
import { bucketUrlError as bucket, folderUrlError as folder } from '../domain/network/storage-url.ts';

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
