import type { ConfigError, EnvName } from '../../connector.ts';
import type { Exchange, Outgoing } from '../calls/exchange.ts';
import type { Api } from '../calls/types.ts';

/** How the calls to a host are authenticated, such as `bearer(env('X_TOKEN'))`. Holds no secret. */
export interface Auth {
  /** The variables that it reads, by their place below `auth`. */
  readonly secrets: Readonly<Record<string, EnvName>>;
  /** Hosts of its own, by their place below `auth`, such as that of a token. */
  readonly urls: Readonly<Record<string, string>>;
  /** Config errors with paths below `auth`. */
  validate(): readonly ConfigError[];
  open(tools: AuthTools): OpenAuth;
}

export interface AuthTools {
  /** The value of an entry of `Auth.secrets`. */
  secret(place: string): string;
  /** The value of an entry of the system's `secrets`. */
  namedSecret(name: string): string;
  readonly exchange: Exchange;
  /** Calls the host without authentication and without lanes. */
  plainApi(signal: AbortSignal): Api;
}

export interface OpenAuth {
  /** Changes the URL and the headers of the call. */
  apply(outgoing: Outgoing, signal: AbortSignal): Promise<void>;
  /** After 401: forgets the token of this call. Returns whether the next call can have another one. */
  renew?(outgoing: Outgoing): boolean;
}
