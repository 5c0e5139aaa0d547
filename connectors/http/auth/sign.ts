import { createHmac } from 'node:crypto';
import type { EnvName } from '../../connector.ts';
import type { Outgoing } from '../calls/exchange.ts';
import type { Auth } from './auth.ts';
import { createAuth } from './schemes.ts';

/** A call that is about to be signed. */
export type Signable = Readonly<Pick<Outgoing, 'method' | 'url' | 'headers' | 'body'>>;

/** Adds the headers that `signRequest` makes from a call. `secret` reads an entry of `secrets`. */
export const sign = (
  signRequest: (
    request: Signable,
    secret: (name: string) => string,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>,
): Auth =>
  createAuth({ secrets: {} }, (tools) => ({
    apply: async (outgoing) => {
      const signed = await signRequest(outgoing, (name) => tools.namedSecret(name));
      for (const [name, value] of Object.entries(signed)) outgoing.headers[name.toLowerCase()] = value;
    },
  }));

interface HmacOptions {
  readonly secret: EnvName;
  /** Receives the signature. */
  readonly header: string;
  /** Default: sha256. */
  readonly algorithm?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Default: hex. */
  readonly encoding?: 'hex' | 'base64' | 'base64url';
  /** Stands before the signature, such as `sha256=`. */
  readonly prefix?: string;
  /** Receives the seconds since 1970. */
  readonly timestampHeader?: string;
  /** What is signed. Default: the body, after the timestamp and a dot where there is one. */
  readonly content?: (request: Signable, timestamp: string) => string;
}

/** Signs every call with a shared secret. */
export const hmac = (options: HmacOptions): Auth => {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', timestampHeader } = options;
  const content =
    options.content ??
    (({ body = '' }: Signable, timestamp: string) => (timestampHeader === undefined ? body : `${timestamp}.${body}`));
  return createAuth({ secrets: { secret: options.secret } }, (tools) => ({
    apply: async (outgoing) => {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const signature = createHmac(algorithm, tools.secret('secret'))
        .update(content(outgoing, timestamp))
        .digest(encoding);
      if (timestampHeader !== undefined) outgoing.headers[timestampHeader.toLowerCase()] = timestamp;
      outgoing.headers[options.header.toLowerCase()] = `${prefix}${signature}`;
    },
  }));
};
