import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { isSecure } from '../../../api/http/require-https.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { testApi } from '../support/api.ts';

const trustedProxies = new BlockList();
trustedProxies.addSubnet('10.9.0.0', 16, 'ipv4');
trustedProxies.addAddress('fd00::9', 'ipv6');
const api = await testApi({ trustedProxies });

const PROXY = '10.9.0.1';
const STRANGER = '192.0.2.7';

beforeEach(() => void api.statements());
afterEach(() => {
  api.peer.remoteAddress = '127.0.0.1';
});

const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => {
  api.peer.remoteAddress = remoteAddress;
  return api.call('GET', '/v1/requests?project=demo', undefined, headers);
};

test.each([
  ['127.0.0.1', undefined, true, 'the machine itself'],
  ['127.8.8.8', undefined, true, 'the machine itself'],
  ['::1', undefined, true, 'the machine itself'],
  ['::ffff:127.0.0.1', undefined, true, 'the machine itself, on a socket for both versions'],
  ['127.0.0.1', 'https', true, 'a proxy on the machine itself, with TLS'],
  ['127.0.0.1', 'http', false, 'a proxy on the machine itself that forwards plain HTTP'],
  ['127.0.0.1', '', false, 'a proxy on the machine itself that does not know'],
  [STRANGER, undefined, false, 'a stranger'],
  [STRANGER, 'https', false, 'a stranger who calls himself a proxy'],
  ['2001:db8::7', 'https', false, 'a stranger by IPv6'],
  [PROXY, 'https', true, 'a trusted proxy'],
  [`::ffff:${PROXY}`, 'https', true, 'a trusted proxy, on a socket for both versions'],
  ['fd00::9', 'HTTPS', true, 'a trusted proxy by IPv6'],
  [PROXY, 'http', false, 'a trusted proxy that was called in clear'],
  [PROXY, undefined, false, 'a trusted proxy that does not say'],
  [PROXY, 'https, http', false, 'a caller who wrote https where the proxy adds http'],
  [PROXY, 'http, https', true, 'a hop before the proxy: the word of the peer counts'],
  [PROXY, 'httpsx', false, 'a word that is none'],
  [undefined, 'https', false, 'nobody knows whom'],
  ['', undefined, false, 'nobody knows whom'],
  ['localhost', undefined, false, 'what is no address'],
])('from %s, forwarded as %s: %s (%s)', (peer, proto, expected, _who) => {
  expect(isSecure(peer, proto, trustedProxies)).toBe(expected);
});

test('a call in clear is refused before its token is looked at, whatever the token', async () => {
  for (const peer of [STRANGER, PROXY, undefined]) {
    for (const headers of [{}, { Authorization: '' }, { Authorization: `Bearer lethe_${'0'.repeat(64)}_00000000` }]) {
      const answer = await from(peer, headers);
      expect(answer.json).toMatchObject({ status: 403, code: 'https_required' });
      expect(answer.headers.get('WWW-Authenticate')).toBeNull();
      expect(answer.headers.get('RateLimit')).toBeNull();
    }
  }
  expect(api.statements()).toEqual([]);
});

test('by way of a trusted proxy with TLS a call is answered; a stranger cannot pass for one', async () => {
  const https = { 'X-Forwarded-Proto': 'https' };
  expect((await from(PROXY, https)).status).toBe(200);
  expect(
    (await from(STRANGER, { ...https, 'X-Forwarded-For': PROXY, Forwarded: `for=${PROXY};proto=https` })).status,
  ).toBe(403);
});

test('whether it is alive anybody may ask in clear', async () => {
  api.peer.remoteAddress = STRANGER;
  expect((await api.call('GET', '/healthz')).status).toBe(200);
  expect((await api.call('GET', '/readyz')).status).toBe(200);
});

const address = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test.skipIf(address === undefined)('a process that listens on a network refuses what comes from there', async () => {
  const port = String(await freePort());
  const env = { ...process.env, DATABASE_URL: api.url, HOST: '0.0.0.0', PORT: port, TEMPORAL_ADDRESS: '127.0.0.1:9' };
  const keys = 'k2:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI,k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE';
  const child = spawn(process.execPath, ['api/server.ts'], {
    env: { ...env, LETHE_DIGEST_KEYS: keys, LETHE_TRUSTED_PROXIES: `203.0.113.0/24, ${address}` },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!output.includes('listening')) await once(child.stdout, 'data');
  const asked = async (host: string | undefined, headers: Record<string, string>) =>
    (await fetch(`http://${host}:${port}/v1/requests`, { headers })).status;
  expect(await asked(address, {})).toBe(403);
  expect(await asked(address, { 'X-Forwarded-Proto': 'http' })).toBe(403);
  // Only now its token is looked for.
  expect(await asked(address, { 'X-Forwarded-Proto': 'https' })).toBe(401);
  expect(await asked('127.0.0.1', {})).toBe(401);
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
});
