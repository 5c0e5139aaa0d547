import * as oidc from 'openid-client';
import type { EnvName } from '../../connector.ts';
import { causesOf, type Exchange } from '../calls/exchange.ts';
import { parseJson } from '../calls/body.ts';
import { HttpError } from '../failure.ts';
import type { Auth, AuthTools } from './auth.ts';
import { createAuth, secretIn, textOf, type TextOrEnv } from './schemes.ts';
import { applyBearer, type Token, tokenAuth } from './token.ts';

export interface OAuth2Options {
  readonly tokenUrl: string;
  readonly clientId: TextOrEnv;
  readonly clientSecret: EnvName;
  readonly scope?: string;
  readonly audience?: string;
  readonly resource?: string;
  /** With it, tokens come from the refresh grant, on behalf of the user who approved it. */
  readonly refreshToken?: EnvName;
  /** How the client authenticates. Default: `body`. */
  readonly send?: 'basic' | 'body';
}

/** OAuth 2.0: client credentials, or a refresh token. */
export function oauth2(options: OAuth2Options): Auth {
  const { tokenUrl, clientId, clientSecret, refreshToken } = options;
  const secrets = {
    ...secretIn('clientId', clientId),
    clientSecret,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  };
  return createAuth({ secrets, urls: { tokenUrl } }, (tools) => {
    // A server may replace the refresh token with each use.
    let latest = refreshToken === undefined ? null : tools.secret('refreshToken');
    return tokenAuth({
      apply: applyBearer,
      fetchToken: async (signal) => {
        const client = clientOf(tools, options, signal);
        const parameters = parametersOf(options);
        const answer = await grant(() =>
          latest === null
            ? oidc.clientCredentialsGrant(client, parameters)
            : oidc.refreshTokenGrant(client, latest, parameters),
        );
        if (latest !== null) latest = answer.refresh_token ?? latest;
        return toToken(answer);
      },
    });
  });
}

const parametersOf = ({ scope, audience, resource }: OAuth2Options): Record<string, string> => ({
  ...(scope === undefined ? {} : { scope }),
  ...(audience === undefined ? {} : { audience }),
  ...(resource === undefined ? {} : { resource }),
});

function clientOf(tools: AuthTools, options: OAuth2Options, signal: AbortSignal): oidc.Configuration {
  const secret = tools.secret('clientSecret');
  const authentication = options.send === 'basic' ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret);
  return configure(tools, options.tokenUrl, textOf(tools, 'clientId', options.clientId), authentication, signal);
}

/** A client of openid-client whose calls pass the same guard as all others. */
export function configure(
  { exchange }: AuthTools,
  tokenUrl: string,
  clientId: string,
  authentication: oidc.ClientAuth,
  signal: AbortSignal,
): oidc.Configuration {
  const server = { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl };
  const client = new oidc.Configuration(server, clientId, {}, authentication);
  // The guard of `exchange` decides where plain HTTP is allowed.
  oidc.allowInsecureRequests(client);
  client[oidc.customFetch] = (url, { method, headers, body }) =>
    fetchGuarded(exchange, url, method, headers, body, signal);
  return client;
}

async function fetchGuarded(
  exchange: Exchange,
  url: string,
  method: string,
  headers: Record<string, string>,
  body: oidc.FetchBody,
  signal: AbortSignal,
): Promise<Response> {
  const sent = method === 'POST' ? 'POST' : 'GET';
  const text = typeof body === 'string' || body instanceof URLSearchParams ? body.toString() : undefined;
  const answer = await exchange.send({ method: sent, url: new URL(url), headers: { ...headers }, body: text }, signal);
  if (answer.status >= 500) throw new HttpError('server_error', { status: answer.status });
  if (answer.status === 429) throw new HttpError('busy', { status: answer.status });
  if (answer.status === 200) parseJson(answer.bytes);
  const type = answer.header('content-type');
  return new Response(answer.status === 204 ? null : new Uint8Array(answer.bytes), {
    status: answer.status,
    headers: type === null ? {} : { 'content-type': type },
  });
}

/** The errors of openid-client quote what the server answered, so only a status or an error of the call remains. */
export async function grant<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const own = causesOf(error).find((cause) => cause instanceof HttpError);
    if (own !== undefined) throw own;
    const status = error instanceof oidc.ResponseBodyError ? error.status : undefined;
    throw new HttpError('no_token', status === undefined ? {} : { status });
  }
}

/** A token without a stated end is replaced after five minutes, or after the first 401. */
const DEFAULT_EXPIRY_S = 300;

export const toToken = (answer: {
  readonly access_token: string;
  readonly expires_in?: number | undefined;
}): Token => ({
  token: answer.access_token,
  expiresInMs: (answer.expires_in ?? DEFAULT_EXPIRY_S) * 1_000,
});
