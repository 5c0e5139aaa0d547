import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Auth,
  basic,
  bearer,
  header,
  hmac,
  jwt,
  login,
  oauth2,
  openHttp,
  path,
  query,
  sign,
} from '../../../connectors/http/index.ts';
import { z } from 'zod';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { type FaultyCall, startFaultyServer } from '../../support/servers/faulty.ts';
import { batchOf, secretOf, SECRETS, settingsAt, testContext, testDeletion } from './fixture.ts';

const TOKEN = { env: 'TOKEN' };
const PASSWORD = { env: 'PASSWORD' };
const server = await startFaultyServer();
let tokens = 0;
beforeEach(() => {
  server.clear();
  tokens = 0;
  server.reply = ({ path: at }) =>
    at.startsWith('/token')
      ? { status: 200, json: { access_token: `t-${(tokens += 1)}`, token_type: 'bearer', expires_in: 3_600 } }
      : { status: 200, json: {} };
});
afterAll(() => server.close());

/** Makes calls with an authentication, and returns what the system received. */
async function callsWith(
  auth: Auth | readonly Auth[],
  calls = 1,
  changes: Partial<AnyHttpSettings> = {},
): Promise<readonly FaultyCall[]> {
  const settings = settingsAt(server.url, {
    auth,
    ...changes,
    erase: async (api) => {
      await Promise.all(Array.from({ length: calls }, () => api.post(path`/x`, { json: { id: 'u-1' } })));
    },
  });
  const connector = openHttp(settings, { system: 'demo/x', secret: secretOf });
  try {
    await connector.hardDelete(batchOf(1), testDeletion(), testContext());
  } finally {
    await connector.close();
  }
  return server.calls;
}

const apiCalls = (): readonly FaultyCall[] => server.calls.filter((call) => call.path.startsWith('/x'));
const tokenCalls = (): readonly FaultyCall[] => server.calls.filter((call) => call.path.startsWith('/token'));

describe('authentication with static credentials', () => {
  test.each([
    ['bearer', bearer(TOKEN), { authorization: 'Bearer secret-token' }],
    [
      'basic',
      basic({ env: 'USER' }, PASSWORD),
      { authorization: `Basic ${Buffer.from('secret-user:secret-password').toString('base64')}` },
    ],
    [
      'basic without a password',
      basic(TOKEN),
      { authorization: `Basic ${Buffer.from('secret-token:').toString('base64')}` },
    ],
    ['header', header('X-Api-Key', TOKEN), { 'x-api-key': 'secret-token' }],
    ['header with a prefix', header('Authorization', 'Token ', TOKEN), { authorization: 'Token secret-token' }],
    [
      'several',
      [header('X-Key', TOKEN), bearer(PASSWORD)],
      { 'x-key': 'secret-token', authorization: 'Bearer secret-password' },
    ],
  ] as const)('sends %s', async (_, auth, headers) => {
    expect(await callsWith(auth)).toMatchObject([{ path: '/x', headers }]);
  });

  test('sends a query parameter', async () => {
    expect((await callsWith(query('key', TOKEN))).map((call) => call.path)).toEqual(['/x?key=secret-token']);
  });

  test('does not send credentials to another host', async () => {
    const other = await startFaultyServer();
    await callsWith(bearer(TOKEN), 1, {
      hosts: { other: { at: other.url } },
      check: (api) => api.as('other').get(path`/y`),
    });
    const settings = settingsAt(server.url, {
      auth: bearer(TOKEN),
      hosts: { other: { at: other.url } },
      check: (api) => api.as('other').get(path`/y`),
    });
    const connector = openHttp(settings, { system: 'demo/x', secret: secretOf });
    expect(await connector.inspect()).toEqual([]);
    expect(other.calls.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
    await connector.close();
    other.close();
  });

  test('reports every variable that is not set with its path, and calls nothing', async () => {
    const settings = settingsAt(server.url, {
      auth: [bearer({ env: 'MISSING_A' }), basic('user', { env: 'MISSING_B' })],
      secrets: { project: { env: 'MISSING_C' } },
      hosts: { query: { at: server.url, auth: bearer({ env: 'MISSING_D' }) } },
    });
    const connector = openHttp(settings, { system: 'demo/x', secret: secretOf });
    expect(await connector.inspect()).toEqual([
      { path: 'secrets.project', message: 'MISSING_C is not set' },
      { path: 'auth.0.token', message: 'MISSING_A is not set' },
      { path: 'auth.1.password', message: 'MISSING_B is not set' },
      { path: 'hosts.query.auth.token', message: 'MISSING_D is not set' },
    ]);
    const deletion = connector.hardDelete(batchOf(1), testDeletion(), testContext());
    await expect(deletion).rejects.toMatchObject({ reason: 'missing_secret', retryable: false });
    expect(server.calls).toEqual([]);
    await connector.close();
  });
});

describe('a token', () => {
  const client = (changes = {}) =>
    oauth2({
      tokenUrl: `${server.url}/token`,
      clientId: 'c',
      clientSecret: PASSWORD,
      scope: 'erase',
      audience: 'x',
      ...changes,
    });

  test('is fetched by client credentials once for calls at the same time', async () => {
    await callsWith(client(), 3);
    expect(tokenCalls()).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(tokenCalls()[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'c',
      client_secret: 'secret-password',
      scope: 'erase',
      audience: 'x',
    });
    expect(apiCalls().map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer t-1',
      'Bearer t-1',
      'Bearer t-1',
    ]);
  });

  test('is fetched with basic authentication of the client', async () => {
    await callsWith(client({ send: 'basic' }));
    expect(tokenCalls()[0]?.headers['authorization']).toMatch(/^Basic /);
    expect(tokenCalls()[0]?.body).not.toContain('secret-password');
  });

  test('is replaced once after 401, and not a second time', async () => {
    server.faults.set(2, { status: 401 });
    await callsWith(client());
    expect(apiCalls().map(({ headers }) => headers['authorization'])).toEqual(['Bearer t-1', 'Bearer t-2']);
    server.clear();
    server.faults.set(2, { status: 401 });
    server.faults.set(4, { status: 401 });
    await expect(callsWith(client())).rejects.toMatchObject({ reason: 'status', status: 401, retryable: false });
    expect(apiCalls()).toHaveLength(2);
  });

  test('is fetched with a refresh token, and with the next one that the server gives', async () => {
    server.reply = ({ path: at }) =>
      at === '/token'
        ? {
            status: 200,
            json: {
              access_token: `t-${(tokens += 1)}`,
              token_type: 'bearer',
              expires_in: 60,
              refresh_token: `r-${tokens}`,
            },
          }
        : { status: 200, json: {} };
    server.faults.set(2, { status: 401 });
    await callsWith(client({ refreshToken: TOKEN }));
    const sent = tokenCalls().map(({ body }) => new URLSearchParams(body).get('refresh_token'));
    expect(sent).toEqual(['secret-token', 'r-1']);
  });

  test.each([
    [
      {
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: '{"error":"invalid_client","error_description":"secret-password"}',
      },
      { reason: 'no_token', status: 400, retryable: false },
    ],
    [{ status: 401 }, { reason: 'no_token', retryable: false }],
    [{ status: 503 }, { reason: 'server_error', retryable: true }],
    ['lose', { reason: 'connection', retryable: true }],
    ['garbage', { reason: 'not_json', retryable: true }],
  ] as const)('is an error without a secret when the server fails with %j', async (fault, expected) => {
    server.faults.set(1, fault);
    const error: unknown = await callsWith(client()).catch((reason: unknown) => reason);
    expect(error).toMatchObject(expected);
    for (const secret of Object.values(SECRETS)) expect(String(error) + JSON.stringify(error)).not.toContain(secret);
    expect(apiCalls()).toEqual([]);
  });

  test('is not fetched from a private address', async () => {
    const auth = client({ tokenUrl: 'https://169.254.169.254/token' });
    await expect(callsWith(auth)).rejects.toMatchObject({ reason: 'private_address', retryable: false });
    expect(server.calls).toEqual([]);
  });

  test('comes from a login call and is kept until it ends', async () => {
    const auth = login(
      async (api) => {
        const answer = await api.post(path`/token`, { json: { user: api.secret('user') } });
        return { token: answer.read(z.object({ access_token: z.string() })).access_token, expiresInMs: 60_000 };
      },
      { header: 'X-Session', prefix: '' },
    );
    await callsWith(auth, 2, { secrets: { user: { env: 'USER' } } });
    expect(tokenCalls().map(({ body }) => body)).toEqual(['{"user":"secret-user"}']);
    expect(apiCalls().map(({ headers }) => headers['x-session'])).toEqual(['t-1', 't-1']);
  });
});

describe('a signature', () => {
  const SECRET = new TextEncoder().encode(SECRETS['TOKEN']);

  test('is an assertion that is the token itself', async () => {
    await callsWith(
      jwt({ key: TOKEN, algorithm: 'HS256', claims: { iss: 'lethe', aud: 'x' }, headers: { kid: 'k1' } }),
    );
    const sent = apiCalls()[0]?.headers['authorization']?.replace('Bearer ', '') ?? '';
    const { payload, protectedHeader } = await jwtVerify(sent, SECRET, { audience: 'x', issuer: 'lethe' });
    expect(protectedHeader).toEqual({ typ: 'JWT', kid: 'k1', alg: 'HS256' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
  });

  test('is an assertion of a private key that is exchanged for a token', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const auth = jwt({
      key: { env: 'PEM' },
      algorithm: 'ES256',
      claims: { iss: 'lethe' },
      tokenUrl: `${server.url}/token`,
    });
    const settings = settingsAt(server.url, { auth, check: (api) => api.get(path`/x`) });
    const connector = openHttp(settings, { system: 'demo/x', secret: () => String(pem) });
    expect(await connector.inspect()).toEqual([]);
    await connector.close();
    const body = new URLSearchParams(tokenCalls()[0]?.body);
    expect(body.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    await jwtVerify(body.get('assertion') ?? '', publicKey);
    expect(decodeJwt(body.get('assertion') ?? '').iss).toBe('lethe');
    expect(apiCalls()[0]?.headers['authorization']).toBe('Bearer t-1');
  });

  test('is an error without the key when the key is wrong', async () => {
    const error: unknown = await callsWith(jwt({ key: TOKEN, algorithm: 'RS256', claims: {} })).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ reason: 'no_token' });
    expect(String(error)).not.toContain('secret-token');
  });

  test('covers the body and the time with HMAC', async () => {
    await callsWith(hmac({ secret: TOKEN, header: 'X-Signature', prefix: 'sha256=', timestampHeader: 'X-Time' }));
    const { headers = {}, body = '' } = apiCalls()[0] ?? {};
    const expected = createHmac('sha256', SECRET)
      .update(`${headers['x-time'] ?? ''}.${body}`)
      .digest('hex');
    expect(headers['x-signature']).toBe(`sha256=${expected}`);
  });

  test('comes from a function that sees the call', async () => {
    const auth = sign(({ method, url, body }, secret) => ({
      'X-Sign': `${method} ${url.pathname} ${body ?? ''} ${secret('user')}`,
    }));
    await callsWith(auth, 1, { secrets: { user: { env: 'USER' } } });
    expect(apiCalls()[0]?.headers['x-sign']).toBe('POST /x {"id":"u-1"} secret-user');
  });
});
