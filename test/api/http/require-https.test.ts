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
const UNTRUSTED = '192.0.2.7';

beforeEach(() => void api.statements());
afterEach(() => {
  api.peer.remoteAddress = '127.0.0.1';
});

const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => {
  api.peer.remoteAddress = remoteAddress;
  return api.call('GET', '/v1/requests?project=demo', undefined, headers);
};

test.each([
  ['127.0.0.1', undefined, true, 'same machine'],
  ['127.8.8.8', undefined, true, 'same machine'],
  ['::1', undefined, true, 'same machine'],
  ['::ffff:127.0.0.1', undefined, true, 'same machine, on a dual-stack socket'],
  ['127.0.0.1', 'https', true, 'TLS proxy on the same machine'],
  ['127.0.0.1', 'http', false, 'proxy on the same machine that forwards plain HTTP'],
  ['127.0.0.1', '', false, 'proxy on the same machine with an empty header'],
  [UNTRUSTED, undefined, false, 'untrusted machine'],
  [UNTRUSTED, 'https', false, 'untrusted machine that sets the header'],
  ['2001:db8::7', 'https', false, 'untrusted machine, IPv6'],
  [PROXY, 'https', true, 'trusted proxy'],
  [`::ffff:${PROXY}`, 'https', true, 'trusted proxy, on a dual-stack socket'],
  ['fd00::9', 'HTTPS', true, 'trusted proxy, IPv6'],
  [PROXY, 'http', false, 'trusted proxy that was called over plain HTTP'],
  [PROXY, undefined, false, 'trusted proxy without the header'],
  [PROXY, 'https, http', false, 'caller that sends https, proxy that appends http'],
  [PROXY, 'http, https', true, 'earlier hop over HTTP, trusted proxy over HTTPS'],
  [PROXY, 'httpsx', false, 'unknown protocol'],
  [undefined, 'https', false, 'unknown peer'],
  ['', undefined, false, 'empty peer'],
  ['localhost', undefined, false, 'invalid address'],
])('judges a call from %s with X-Forwarded-Proto %s as secure=%s (%s)', (peer, proto, expected, _caller) => {
  expect(isSecure(peer, proto, trustedProxies)).toBe(expected);
});

test('rejects plain HTTP before the token is checked', async () => {
  for (const peer of [UNTRUSTED, PROXY, undefined]) {
    for (const headers of [{}, { Authorization: '' }, { Authorization: `Bearer lethe_${'0'.repeat(64)}_00000000` }]) {
      const answer = await from(peer, headers);
      expect(answer.json).toMatchObject({ status: 403, code: 'https_required' });
      expect(answer.headers.get('WWW-Authenticate')).toBeNull();
      expect(answer.headers.get('RateLimit')).toBeNull();
    }
  }
  expect(api.statements()).toEqual([]);
});

test('accepts a call through a trusted TLS proxy and rejects the same headers from another machine', async () => {
  const https = { 'X-Forwarded-Proto': 'https' };
  expect((await from(PROXY, https)).status).toBe(200);
  expect(
    (await from(UNTRUSTED, { ...https, 'X-Forwarded-For': PROXY, Forwarded: `for=${PROXY};proto=https` })).status,
  ).toBe(403);
});

test('answers health checks over plain HTTP from any machine', async () => {
  api.peer.remoteAddress = UNTRUSTED;
  expect((await api.call('GET', '/healthz')).status).toBe(200);
  expect((await api.call('GET', '/readyz')).status).toBe(200);
});

const address = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test.skipIf(address === undefined)('rejects plain HTTP from the network when the process listens on it', async () => {
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
  const statusOf = async (host: string | undefined, headers: Record<string, string>) =>
    (await fetch(`http://${host}:${port}/v1/requests`, { headers })).status;
  expect(await statusOf(address, {})).toBe(403);
  expect(await statusOf(address, { 'X-Forwarded-Proto': 'http' })).toBe(403);
  // Only here is the token checked.
  expect(await statusOf(address, { 'X-Forwarded-Proto': 'https' })).toBe(401);
  expect(await statusOf('127.0.0.1', {})).toBe(401);
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
});
