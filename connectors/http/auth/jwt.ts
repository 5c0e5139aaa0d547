import { importPKCS8, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { durationMs, type DurationText } from '../../../domain/calendar.ts';
import type { EnvName } from '../../connector.ts';
import { HttpError } from '../failure.ts';
import type { Auth } from './auth.ts';
import { createAuth } from './schemes.ts';
import { configure, grant, toToken } from './oauth2.ts';
import { applyBearer, tokenAuth } from './token.ts';

export interface JwtOptions {
  /** The private key as PEM (PKCS #8), or the shared secret for HS256, HS384 and HS512. */
  readonly key: EnvName;
  readonly algorithm: 'HS256' | 'HS384' | 'HS512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';
  /** Such as `iss`, `sub` and `aud`. `iat` and `exp` are added. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Such as `kid`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 5 minutes. */
  readonly lifetime?: DurationText;
  /** Exchanges the assertion for a token (RFC 7523). Without it, the assertion itself is the token. */
  readonly tokenUrl?: string;
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A signed assertion as a bearer token, or in exchange for one. */
export function jwt(options: JwtOptions): Auth {
  const { key, tokenUrl, lifetime = '5 minutes' } = options;
  const lifetimeMs = durationMs(lifetime);
  const errors = lifetimeMs === null ? [{ path: 'lifetime', message: "must be a duration such as '5 minutes'" }] : [];
  return createAuth({ secrets: { key }, urls: tokenUrl === undefined ? {} : { tokenUrl }, errors }, (tools) => {
    const expiresInMs = lifetimeMs ?? 0;
    return tokenAuth({
      apply: applyBearer,
      fetchToken: async (signal) => {
        const assertion = await signAssertion(options, tools.secret('key'), expiresInMs);
        if (tokenUrl === undefined) return { token: assertion, expiresInMs };
        const issuer = typeof options.claims['iss'] === 'string' ? options.claims['iss'] : 'lethe';
        const client = configure(tools, tokenUrl, issuer, oidc.None(), signal);
        return toToken(await grant(() => oidc.genericGrantRequest(client, JWT_BEARER, { assertion })));
      },
    });
  });
}

async function signAssertion(
  { algorithm, claims, headers }: JwtOptions,
  key: string,
  lifetimeMs: number,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  try {
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ typ: 'JWT', ...headers, alg: algorithm })
      .setIssuedAt(now)
      .setExpirationTime(now + Math.round(lifetimeMs / 1_000))
      .sign(algorithm.startsWith('HS') ? new TextEncoder().encode(key) : await importPKCS8(key, algorithm));
  } catch {
    // The error of a wrong key can quote it.
    throw new HttpError('no_token');
  }
}
