import { BlockList, type LookupFunction } from 'node:net';
import { durationMs } from '../../domain/calendar.ts';
import { parseNetwork } from '../../domain/network/network.ts';
import { type ApiOptions, createApi, withoutLanes } from './calls/api.ts';
import { createExchange, type Exchange } from './calls/exchange.ts';
import type { Host } from './calls/host.ts';
import type { Auth, AuthTools, OpenAuth } from './auth/auth.ts';
import type { ConfigError, Connector, EnvName, OpenContext } from '../connector.ts';
import { lanesOf } from './describe.ts';
import { HttpError } from './failure.ts';
import { inspect } from './inspect.ts';
import type { AnyHttpSettings, HostSettings } from './settings.ts';
import { setSuppression, setVisibility } from './verbs/change.ts';
import type { Context } from './verbs/context.ts';
import { count } from './verbs/count.ts';
import { exportBatch } from './verbs/export.ts';
import { hardDelete } from './verbs/hard-delete.ts';
import { verify } from './verbs/verify.ts';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 10_000_000;

/** For tests: another resolver of host names. */
export interface Tuning {
  readonly lookup?: LookupFunction;
  readonly timeoutMs?: number;
}

/** Opens the connector. A verb exists exactly if its functions do. */
export function openHttp(settings: AnyHttpSettings, open: OpenContext, tuning: Tuning = {}): Connector {
  const { exchange, ...opened } = openSystem(settings, open, tuning);
  const { errors } = opened;
  const context: Context = { settings, api: { ...opened.api, exchange } };
  const refuseMissing = (): void => {
    if (errors.length > 0) throw new HttpError('missing_secret');
  };
  return {
    inspect: async (options) => (errors.length > 0 ? errors : inspect(context, options)),
    hardDelete: async (...input) => {
      refuseMissing();
      return hardDelete(context, ...input);
    },
    ...(settings.left === undefined ? {} : { verify: (...input) => verify(context, ...input) }),
    ...(settings.count === undefined ? {} : { count: (...input) => count(context, ...input) }),
    ...(settings.rows === undefined ? {} : { export: (...input) => exportBatch(context, ...input) }),
    ...(settings.hide === undefined || settings.restore === undefined
      ? {}
      : { setVisibility: (...input) => setVisibility(context, ...input) }),
    ...(settings.suppress === undefined ? {} : { setSuppression: (...input) => setSuppression(context, ...input) }),
    close: () => exchange.close(),
  };
}

interface Opened {
  readonly api: ApiOptions;
  readonly exchange: Exchange;
  /** One for each variable that is not set. */
  readonly errors: readonly ConfigError[];
}

function openSystem(settings: AnyHttpSettings, open: OpenContext, tuning: Tuning): Opened {
  const exchange = createExchange({
    networks: networksOf(settings.allowPrivate),
    timeoutMs: tuning.timeoutMs ?? durationMs(settings.timeout ?? '') ?? TIMEOUT_MS,
    maxBytes: settings.maxAnswerBytes ?? MAX_ANSWER_BYTES,
    ...(tuning.lookup === undefined ? {} : { lookup: tuning.lookup }),
  });
  const errors: ConfigError[] = [];
  const read = readSecrets(open, errors);
  const secrets = read('secrets', settings.secrets ?? {});
  const hosts = new Map<string, Host>();
  const api: ApiOptions = {
    exchange,
    hosts,
    secrets,
    lanes: Object.keys(lanesOf(settings.pace)),
    idempotencyHeader: settings.idempotencyHeader ?? 'Idempotency-Key',
  };
  for (const [name, host] of [['', settings], ...Object.entries(settings.hosts ?? {})] as [string, HostSettings][]) {
    const plain: Host = { base: new URL(host.at), headers: host.headers ?? {}, auth: [] };
    const plainHosts = new Map([['', plain]]);
    const openAuth = (auth: Auth, index: number): OpenAuth[] => {
      const missing = errors.length;
      const values = read(authPath(name, host, index), auth.secrets);
      // The connector refuses every verb then.
      if (errors.length > missing) return [];
      const tools: AuthTools = {
        exchange,
        secret: (place) => requireValue(values, place),
        namedSecret: (secret) => requireValue(secrets, secret),
        plainApi: (signal) => createApi({ ...api, hosts: plainHosts }, withoutLanes(signal)),
      };
      return [auth.open(tools)];
    };
    hosts.set(name, { ...plain, auth: authsOf(host).flatMap(openAuth) });
  }
  return { api, exchange, errors };
}

function requireValue(values: ReadonlyMap<string, string>, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new HttpError('unknown_secret');
  return value;
}

/** Reads variables. One that is not set is a config error with its path, so that all of them are reported. */
const readSecrets =
  (open: OpenContext, errors: ConfigError[]) =>
  (path: string, names: Readonly<Record<string, EnvName>>): ReadonlyMap<string, string> => {
    const values = new Map<string, string>();
    for (const [key, name] of Object.entries(names)) {
      try {
        values.set(key, open.secret(name));
      } catch (error) {
        errors.push({ path: `${path}.${key}`, message: error instanceof Error ? error.message : 'cannot be read' });
      }
    }
    return values;
  };

export const authsOf = ({ auth }: HostSettings): readonly Auth[] =>
  auth === undefined ? [] : isList(auth) ? auth : [auth];
const isList = (auth: Auth | readonly Auth[]): auth is readonly Auth[] => Array.isArray(auth);

/** The place of an authentication: `auth`, `auth.1` or `hosts.query.auth`. */
export const authPath = (host: string, { auth }: HostSettings, index: number): string =>
  `${host === '' ? '' : `hosts.${host}.`}auth${Array.isArray(auth) ? `.${index}` : ''}`;

/** The allowed private networks. `validateSettings` has checked their form. */
export function networksOf(texts: readonly string[] = []): BlockList {
  const list = new BlockList();
  for (const network of texts.map((text) => parseNetwork(String(text))))
    if (network !== null) list.addSubnet(network.address, network.prefix, network.family);
  return list;
}
