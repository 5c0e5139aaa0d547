import { isIP } from 'node:net';
import { AddressRefused, requireAllowedHost } from '../../outbound/guard.ts';
import { configErrorsOf } from '../config-messages.ts';
import type { ConfigError } from '../connector.ts';
import { authPath, authsOf, networksOf } from './open.ts';
import type { AnyHttpSettings, HostSettings } from './settings.ts';
import { settingsSchema } from './settings-schema.ts';

/** Every config error that needs no connection. */
export function validateSettings(settings: AnyHttpSettings): readonly ConfigError[] {
  const errors = [...configErrorsOf(settingsSchema, settings)];
  // What has a wrong form cannot be checked any further.
  const isSound = (path: string): boolean =>
    !errors.some((error) => error.path === path || error.path.startsWith(`${path}.`));
  if (typeof settings !== 'object' || settings === null) return errors;
  const further: ConfigError[] = [];
  if (isSound('hosts') && isSound('at') && isSound('auth') && isSound('allowPrivate'))
    further.push(...checkHosts(settings));
  if ((settings.hide === undefined) !== (settings.restore === undefined)) {
    const [path, other] = settings.hide === undefined ? ['restore', 'hide'] : ['hide', 'restore'];
    further.push({ path, message: `needs ${other}: without it, hiding is a deletion` });
  }
  return [...errors, ...further];
}

function checkHosts(settings: AnyHttpSettings): ConfigError[] {
  const hosts: [string, HostSettings][] = [['', settings], ...Object.entries(settings.hosts ?? {})];
  return hosts.flatMap(([name, host]) => [
    ...checkUrl(settings, host.at, name === '' ? 'at' : `hosts.${name}.at`, 'host'),
    ...authsOf(host).flatMap((auth, index) => {
      const path = authPath(name, host, index);
      return [
        ...auth.validate().map((error) => ({ ...error, path: `${path}.${error.path}` })),
        ...Object.entries(auth.urls).flatMap(([place, url]) => checkUrl(settings, url, `${path}.${place}`, 'page')),
      ];
    }),
  ]);
}

/** Names are checked when they are resolved. An address is known now. */
function checkUrl(
  { allowPrivate }: AnyHttpSettings,
  text: unknown,
  path: string,
  form: 'host' | 'page',
): ConfigError[] {
  const url = typeof text === 'string' ? URL.parse(text) : null;
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
