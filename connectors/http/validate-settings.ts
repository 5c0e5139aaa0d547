import { isIP } from 'node:net';
import { AddressRefused, requireAllowedHost } from '../../outbound/guard.ts';
import { configErrorsOf } from '../config-messages.ts';
import type { ConfigError } from '../connector.ts';
import { mistakeIn } from '../../domain/retry/pace.ts';
import { lanesOf } from './describe.ts';
import { authPath, authsOf, networksOf } from './open.ts';
import type { AnyHttpSettings, HostSettings } from './settings.ts';
import { isAuth, settingsSchema } from './settings-schema.ts';
import type { Auth } from './auth/auth.ts';

/** Every config error that needs no connection. A part of a wrong form has one error, and is not checked further. */
export function validateSettings(settings: AnyHttpSettings): readonly ConfigError[] {
  const errors = configErrorsOf(settingsSchema, settings);
  return isObject(settings)
    ? [...errors, ...checkHosts(settings), ...checkPace(settings, errors), ...checkAbilities(settings)]
    : errors;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The windows of a lane together, once each has the right form. */
function checkPace({ pace }: AnyHttpSettings, errors: readonly ConfigError[]): ConfigError[] {
  if (errors.some(({ path }) => path === 'pace' || path.startsWith('pace.'))) return [];
  return Object.entries(lanesOf(pace)).flatMap(([lane, windows]) => {
    const message = mistakeIn(windows);
    return message === null ? [] : [{ path: Array.isArray(pace) ? 'pace' : `pace.${lane}`, message }];
  });
}

function checkAbilities({ hide, restore }: AnyHttpSettings): ConfigError[] {
  if ((hide === undefined) === (restore === undefined)) return [];
  const [path, other] = hide === undefined ? ['restore', 'hide'] : ['hide', 'restore'];
  return [{ path, message: `needs ${other}: without it, hiding is a deletion` }];
}

function checkHosts(settings: AnyHttpSettings): ConfigError[] {
  const hosts: [string, HostSettings][] = [['', settings], ...Object.entries(settings.hosts ?? {})];
  return hosts
    .filter(([, host]) => isObject(host))
    .flatMap(([name, host]) => [
      ...checkUrl(settings, host.at, name === '' ? 'at' : `hosts.${name}.at`, 'host'),
      ...authsOf(host).flatMap((auth, index) =>
        isAuth(auth) ? checkAuth(settings, auth, authPath(name, host, index)) : [],
      ),
    ]);
}

const checkAuth = (settings: AnyHttpSettings, auth: Auth, path: string): ConfigError[] => [
  ...auth.validate().map((error) => ({ ...error, path: `${path}.${error.path}` })),
  ...Object.entries(auth.urls).flatMap(([place, url]) => checkUrl(settings, url, `${path}.${place}`, 'page')),
];

/** Names are checked when they are resolved. An address is known now. */
function checkUrl(
  { allowPrivate }: AnyHttpSettings,
  text: unknown,
  path: string,
  form: 'host' | 'page',
): ConfigError[] {
  if (typeof text !== 'string') return [];
  const url = URL.parse(text);
  if (url === null || !['https:', 'http:'].includes(url.protocol))
    return [{ path, message: "must be a URL such as 'https://api.example.com'" }];
  if (url.username !== '' || url.password !== '') return [{ path, message: 'must not contain credentials; use auth' }];
  if (url.hash !== '' || (form === 'host' && url.search !== ''))
    return [{ path, message: 'must be a host, or a host with a path' }];
  if (url.protocol === 'http:' && (allowPrivate ?? []).length === 0)
    return [{ path, message: 'must begin with https://; plain HTTP is allowed only in the networks of allowPrivate' }];
  return checkAddress(url, allowPrivate, path);
}

function checkAddress(url: URL, allowPrivate: readonly string[] | undefined, path: string): ConfigError[] {
  if (isIP(url.hostname.replaceAll(/[[\]]/g, '')) === 0) return [];
  try {
    requireAllowedHost({ networks: networksOf(allowPrivate) }, url);
    return [];
  } catch (error) {
    if (!(error instanceof AddressRefused)) throw error;
    return [{ path, message: 'is a private address, or not encrypted, and is not in a network of allowPrivate' }];
  }
}
