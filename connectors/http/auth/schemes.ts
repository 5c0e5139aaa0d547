import type { ConfigError, EnvName } from '../../connector.ts';
import type { Auth, AuthTools, OpenAuth } from './auth.ts';

/** Another kind of value can come from a configuration file that is plain JavaScript. */
export const isEnvName = (value: unknown): value is EnvName =>
  typeof value === 'object' && value !== null && 'env' in value && typeof value.env === 'string' && value.env !== '';

interface AuthParts {
  readonly secrets: Readonly<Record<string, EnvName>>;
  readonly urls?: Readonly<Record<string, string>>;
  readonly errors?: readonly ConfigError[];
}

/** Secrets come from env() only, so that none stands in a file. */
export function createAuth({ secrets, urls = {}, errors = [] }: AuthParts, open: (tools: AuthTools) => OpenAuth): Auth {
  return {
    secrets: Object.fromEntries(Object.entries(secrets).filter(([, name]) => isEnvName(name))),
    urls,
    validate: () => [
      ...Object.entries(secrets).flatMap(([path, name]) =>
        isEnvName(name) ? [] : [{ path, message: "must be env('NAME')" }],
      ),
      ...errors,
    ],
    open,
  };
}

/** A text of the configuration, or a variable. */
export type TextOrEnv = string | EnvName;
export const secretIn = (place: string, value: TextOrEnv): Record<string, EnvName> =>
  typeof value === 'string' ? {} : { [place]: value };
export const textOf = (tools: AuthTools, place: string, value: TextOrEnv): string =>
  typeof value === 'string' ? value : tools.secret(place);

const withHeader = (name: string, value: string): OpenAuth => ({
  apply: async ({ headers }) => {
    headers[name.toLowerCase()] = value;
  },
});

/** `Authorization: Bearer …` */
export const bearer = (token: EnvName): Auth =>
  createAuth({ secrets: { token } }, (tools) => withHeader('authorization', `Bearer ${tools.secret('token')}`));

/** `Authorization: Basic …`. A system with one key often takes it as the user, without a password. */
export const basic = (user: TextOrEnv, password?: EnvName): Auth =>
  createAuth({ secrets: { ...secretIn('user', user), ...(password === undefined ? {} : { password }) } }, (tools) => {
    const pair = `${textOf(tools, 'user', user)}:${password === undefined ? '' : tools.secret('password')}`;
    return withHeader('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  });

/** A header of its own, such as `header('x-api-key', env('X_KEY'))` or `header('Authorization', 'Token ', env('X_KEY'))`. */
export function header(name: string, key: EnvName): Auth;
export function header(name: string, prefix: string, key: EnvName): Auth;
export function header(name: string, ...rest: readonly [EnvName] | readonly [string, EnvName]): Auth {
  const [prefix, key] = rest.length === 1 ? ['', rest[0]] : rest;
  return createAuth({ secrets: { key } }, (tools) => withHeader(name, `${prefix}${tools.secret('key')}`));
}

/** A query parameter. */
export const query = (name: string, key: EnvName): Auth =>
  createAuth({ secrets: { key } }, (tools) => ({
    apply: async ({ url }) => url.searchParams.set(name, tools.secret('key')),
  }));
