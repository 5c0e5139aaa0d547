import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  apiEnvironment,
  demoEnvironment,
  deploymentEnvironment,
  migrateEnvironment,
  workerEnvironment,
} from '../../config/environment.ts';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');
const complete = {
  DATABASE_URL: 'postgres://lethe@db.test/lethe',
  LETHE_DIGEST_KEYS: `k2:${key(2)},k1:${key(1)}`,
};
const folder = mkdtempSync(join(tmpdir(), 'lethe-environment-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const path = join(folder, 'secret');
  writeFileSync(path, content);
  return path;
}

function messageOf(read: () => unknown): string {
  try {
    read();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

test('what the environment leaves out has the documented values', () => {
  const { temporal, host, port, logLevel, configPath } = apiEnvironment(complete);
  expect({ temporal, host, port, logLevel }).toEqual({
    temporal: { address: '127.0.0.1:7233', namespace: 'default', tls: false },
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
  });
  expect(configPath).toMatch(/\/lethe\.config\.ts$/);
});

test('metrics are served where an address and a port say, and nowhere where nothing does', () => {
  for (const read of [apiEnvironment, workerEnvironment]) {
    const at = (METRICS_ADDRESS: string) => read({ ...complete, METRICS_ADDRESS }).metricsAddress;
    expect(read(complete).metricsAddress).toBeUndefined();
    expect(at('127.0.0.1:9464')).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(at('[::]:80')).toEqual({ host: '::', port: 80 });
    for (const wrong of [
      '9464',
      'localhost:9464',
      '127.0.0.1',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      '::1:9464',
      '[127.0.0.1]:1',
    ])
      expect(messageOf(() => at(wrong))).toBe(
        'the environment is not complete:\n  METRICS_ADDRESS: must be an address and a port such as 127.0.0.1:9464',
      );
  }
});

test('digest keys come in the order given, the newest first', () => {
  expect(workerEnvironment(complete).digestKeys).toEqual([
    { id: 'k2', key: Buffer.alloc(32, 2) },
    { id: 'k1', key: Buffer.alloc(32, 1) },
  ]);
});

test('every variable that is wrong is named at once', () => {
  const message = messageOf(() => apiEnvironment({ PORT: 'http', LOG_LEVEL: 'loud', TEMPORAL_TLS: 'yes' }));
  for (const name of ['DATABASE_URL', 'LETHE_DIGEST_KEYS', 'PORT', 'LOG_LEVEL', 'TEMPORAL_TLS']) {
    expect(message).toContain(`${name}: `);
  }
});

test('no error shows what was given', () => {
  const canary = 'canary-7f3a';
  const given = Object.fromEntries(
    ['DATABASE_URL', 'LETHE_DIGEST_KEYS', 'PORT', 'LOG_LEVEL', 'TEMPORAL_TLS'].map((name) => [name, canary]),
  );
  expect(messageOf(() => apiEnvironment(given))).not.toContain(canary);
});

test.each([
  ['no key', ''],
  ['a key that is too short', 'k1:c2hvcnQ'],
  ['a key without an id', key(1)],
  ['two keys with one id', `k1:${key(1)},k1:${key(2)}`],
  ['a key that is not base64url', `k1:${'+/'.repeat(22)}`],
])('%s is refused', (_, keys) => {
  expect(messageOf(() => workerEnvironment({ ...complete, LETHE_DIGEST_KEYS: keys }))).toContain('LETHE_DIGEST_KEYS');
});

test('trusted proxies are addresses and ranges; there are none where none is named', () => {
  const trusted = (given: string) => apiEnvironment({ ...complete, LETHE_TRUSTED_PROXIES: given }).trustedProxies;
  const some = trusted('10.0.0.7, 172.16.0.0/12,fd00::/8,');
  expect(['10.0.0.7', '172.31.255.255'].map((address) => some.check(address))).toEqual([true, true]);
  expect(some.check('fdab::1', 'ipv6')).toBe(true);
  expect(['10.0.0.8', '172.32.0.0', '127.0.0.1'].map((address) => some.check(address))).toEqual([false, false, false]);
  expect(trusted('').rules).toEqual([]);
});

test.each(['10.0.0', 'proxy.test', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', 'fe80::1%eth0', '*'])(
  'the trusted proxy %s is refused, by its place and not by what was given',
  (network) => {
    const message = messageOf(() => apiEnvironment({ ...complete, LETHE_TRUSTED_PROXIES: `10.0.0.1,${network}` }));
    expect(message).toContain('LETHE_TRUSTED_PROXIES: no. 2 is');
    expect(message).not.toContain(network);
  },
);

test('a secret may come from a file, without its last line break', () => {
  const { DATABASE_URL: url, ...others } = complete;
  expect(apiEnvironment({ ...others, DATABASE_URL_FILE: fileWith(`${url}\n`) }).databaseUrl).toBe(url);
});

test('a secret given twice is refused', () => {
  const given = { ...complete, DATABASE_URL_FILE: fileWith(complete.DATABASE_URL) };
  expect(messageOf(() => apiEnvironment(given))).toContain('DATABASE_URL: given twice');
});

test('a file that cannot be read is told once, and not as a missing variable', () => {
  const message = messageOf(() => migrateEnvironment({ DATABASE_URL_FILE: join(folder, 'absent') }));
  expect(message.match(/DATABASE_URL: /g)).toHaveLength(1);
});

test('an API key for Temporal is never sent in clear unless that is said', () => {
  expect(workerEnvironment({ ...complete, TEMPORAL_API_KEY: 'k' }).temporal.tls).toBe(true);
  expect(workerEnvironment({ ...complete, TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' }).temporal.tls).toBe(false);
});

test('a client certificate without its key is refused', () => {
  expect(messageOf(() => workerEnvironment({ ...complete, TEMPORAL_TLS_CERT: 'pem' }))).toContain('TEMPORAL_TLS_KEY');
});

test("a processor's secret is read when it is asked for, and only its name is told when it is absent", () => {
  const { secret } = deploymentEnvironment({ CRM_URL_FILE: fileWith('postgres://crm') });
  expect(secret({ env: 'CRM_URL' })).toBe('postgres://crm');
  expect(() => secret({ env: 'OTHER_URL' })).toThrow('OTHER_URL is not set');
});

test('the API asks for no secret of a processor', () => {
  expect(apiEnvironment(complete)).not.toHaveProperty('secret');
});

test('the demo needs nothing, and takes what is given', () => {
  expect(demoEnvironment({})).toEqual({});
  expect(demoEnvironment({ TEMPORAL_ADDRESS: 'temporal.test:7233' }).temporalAddress).toBe('temporal.test:7233');
});
