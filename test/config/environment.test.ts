import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
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

test('applies the documented defaults to variables that are not set', () => {
  const { temporal, host, port, logLevel, configPath } = apiEnvironment(complete);
  expect({ temporal, host, port, logLevel }).toEqual({
    temporal: { address: '127.0.0.1:7233', namespace: 'default', tls: false },
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
  });
  expect(configPath).toMatch(/\/lethe\.config\.ts$/);
});

test('reads LETHE_WORKFLOW_BUNDLE as the path of a file that exists', () => {
  expect(workerEnvironment(complete).workflowBundle).toBeNull();
  const path = fileWith('');
  expect(workerEnvironment({ ...complete, LETHE_WORKFLOW_BUNDLE: path }).workflowBundle).toBe(path);
  const missing = join(folder, 'missing.js');
  const message = messageOf(() => workerEnvironment({ ...complete, LETHE_WORKFLOW_BUNDLE: missing }));
  expect(message).toContain('LETHE_WORKFLOW_BUNDLE: no such file; create it with: npm run bundle -- --output FILE');
});

test('reads METRICS_ADDRESS as an IP address with a port and rejects anything else', () => {
  for (const read of [apiEnvironment, workerEnvironment]) {
    const parse = (METRICS_ADDRESS: string) => read({ ...complete, METRICS_ADDRESS }).metricsAddress;
    expect(read(complete).metricsAddress).toBeUndefined();
    expect(parse('127.0.0.1:9464')).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(parse('[::]:80')).toEqual({ host: '::', port: 80 });
    for (const wrong of [
      '9464',
      'localhost:9464',
      '127.0.0.1',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      '::1:9464',
      '[127.0.0.1]:1',
    ])
      expect(messageOf(() => parse(wrong))).toBe(
        'invalid environment:\n  METRICS_ADDRESS: must be an IP address and a port, such as 127.0.0.1:9464',
      );
  }
});

test('returns the digest keys in the given order', () => {
  expect(workerEnvironment(complete).digestKeys).toEqual([
    { id: 'k2', key: Buffer.alloc(32, 2) },
    { id: 'k1', key: Buffer.alloc(32, 1) },
  ]);
});

test('names every invalid variable at once', () => {
  const message = messageOf(() => apiEnvironment({ PORT: 'http', LOG_LEVEL: 'loud', TEMPORAL_TLS: 'yes' }));
  for (const name of ['DATABASE_URL', 'LETHE_DIGEST_KEYS', 'PORT', 'LOG_LEVEL', 'TEMPORAL_TLS']) {
    expect(message).toContain(`${name}: `);
  }
});

test('does not show the value of an invalid variable', () => {
  const canary = 'canary-7f3a';
  const common = [
    'DATABASE_URL',
    'LETHE_DIGEST_KEYS',
    'LOG_LEVEL',
    'TEMPORAL_TLS',
    'LETHE_ARCHIVES',
    'LETHE_PUBLIC_URL',
  ];
  for (const [read, names] of [
    [apiEnvironment, [...common, 'PORT']],
    [workerEnvironment, [...common, 'MAIL_URL', 'MAIL_FROM', 'LETHE_WEBHOOK_NETWORKS']],
  ] as const) {
    const message = messageOf(() => read(Object.fromEntries(names.map((name) => [name, canary]))));
    for (const name of names) expect(message).toContain(`${name}: `);
    expect(message).not.toContain(canary);
  }
});

const archivesAt = (LETHE_ARCHIVES: string) => workerEnvironment({ ...complete, LETHE_ARCHIVES }).archives;

test('accepts a bucket, an absolute folder and a relative folder as LETHE_ARCHIVES', () => {
  expect(apiEnvironment(complete).archives.href).toBe(pathToFileURL(resolve('.lethe/archives')).href);
  expect(archivesAt('file:./a b?#%').href).toBe(pathToFileURL(resolve('a b?#%')).href);
  expect(archivesAt('file:///var/lib/lethe').pathname).toBe('/var/lib/lethe');
  const far =
    's3://lethe-archives/prod/eu?region=eu-central-1&endpoint=https://s3.example.com:9000&forcePathStyle=true';
  for (const bucket of ['s3://lethe', 's3://lethe/', far]) expect(archivesAt(bucket).href).toBe(bucket);
});

test.each([
  'https://canary.test/archives',
  '/var/lib/canary',
  'file://canary.test/archives',
  'file:///',
  'file:///canary?region=x',
  'file:///canary%2Fx',
  's3://',
  's3://Canary_Bucket',
  's3://id:canary@bucket',
  's3://bucket:99/canary',
  's3://bucket/canary//x',
  's3://bucket/canary%2F..',
  's3://bucket?canary=1',
  's3://bucket?region=a&region=canary',
  's3://bucket?region=canary.test/',
  's3://bucket?forcePathStyle=canary',
  's3://bucket?endpoint=ftp://canary.test',
  's3://bucket?endpoint=https://user:canary@s3.test',
  's3://bucket?endpoint=https://s3.test/canary',
])('rejects LETHE_ARCHIVES=%s without repeating the value', (value) => {
  const message = messageOf(() => archivesAt(value));
  expect(message).toMatch(/^invalid environment:\n {2}LETHE_ARCHIVES: [^\n]+$/);
  expect(message).not.toMatch(/canary/i);
});

test('accepts LETHE_PUBLIC_URL only with https, or with http on this machine', () => {
  const parse = (LETHE_PUBLIC_URL: string) => apiEnvironment({ ...complete, LETHE_PUBLIC_URL }).publicUrl.href;
  expect(apiEnvironment(complete).publicUrl.href).toBe('http://127.0.0.1:8080/');
  for (const good of ['https://lethe.test', 'https://lethe.test:8443/', 'http://localhost:8080', 'http://[::1]:1'])
    expect(parse(good)).toBe(new URL(good).href);
  for (const bad of [
    'http://lethe.test',
    'http://127.0.0.1.lethe.test',
    'https://lethe.test/canary',
    'https://lethe.test//other.test',
    'https://user@lethe.test',
    'https://lethe.test?x',
    'https://lethe.test#x',
    'javascript:alert(1)',
    'lethe.test',
  ])
    expect(messageOf(() => parse(bad))).toMatch(/^invalid environment:\n {2}LETHE_PUBLIC_URL: must [^\n]+$/);
});

test('reads MAIL_URL as a mail server or a folder and does not show the password of an invalid one', () => {
  const parse = (MAIL_URL: string) => workerEnvironment({ ...complete, MAIL_URL }).mail.url.href;
  expect(workerEnvironment(complete).mail).toEqual({
    url: pathToFileURL(resolve('.lethe/outbox')),
    from: 'Lethe <lethe@localhost>',
  });
  const good = 'smtps://user:p%40ss@mail.test:465';
  expect(parse(good)).toBe(good);
  for (const bad of [
    'smtp://u:canary@',
    'smtp://u:canary%@mail.test',
    'smtp://u:canary@mail.test/path',
    'smtp://u:canary@mail.test?tls.rejectUnauthorized=false',
    'https://u:canary@mail.test',
    'u:canary@mail.test',
  ]) {
    expect(messageOf(() => parse(bad))).toContain('MAIL_URL: must be');
    expect(messageOf(() => parse(bad))).not.toContain('canary');
  }
});

test.each(['lethe', 'a@b, c@d', 'Lethe <a@b>\r\nBcc: c@d', '<a@b>', 'Le<the <a@b>', 'a@b\n'])(
  'rejects MAIL_FROM=%j',
  (MAIL_FROM) => {
    expect(messageOf(() => workerEnvironment({ ...complete, MAIL_FROM }))).toContain(
      'MAIL_FROM: must be an email address',
    );
  },
);

test('does not read MAIL_URL in the API', () => {
  expect(apiEnvironment({ ...complete, MAIL_URL: 'wrong' })).not.toHaveProperty('mail');
});

test.each([
  ['an empty value', ''],
  ['a key that is too short', `k1:${Buffer.from('short').toString('base64url')}`],
  ['a key without an id', key(1)],
  ['two keys with one id', `k1:${key(1)},k1:${key(2)}`],
  ['a key that is not base64url', `k1:${'+/'.repeat(22)}`],
])('rejects LETHE_DIGEST_KEYS with %s', (_, keys) => {
  expect(messageOf(() => workerEnvironment({ ...complete, LETHE_DIGEST_KEYS: keys }))).toContain('LETHE_DIGEST_KEYS');
});

test.each([
  ['missing', undefined],
  ['not a key', 'secret'],
  ['too short', `k1:${Buffer.alloc(16).toString('base64url')}`],
])('prints the command that creates a digest key when LETHE_DIGEST_KEYS is %s', (_, keys) => {
  const message = messageOf(() => apiEnvironment({ ...complete, LETHE_DIGEST_KEYS: keys }));
  expect(message).toMatch(/^invalid environment:\n {2}LETHE_DIGEST_KEYS: /);
  expect(message).toContain("openssl rand -base64 32 | tr '+/' '-_' | tr -d '='");
});

test('reads LETHE_TRUSTED_PROXIES as IP addresses and ranges, none by default', () => {
  const trusted = (value: string) => apiEnvironment({ ...complete, LETHE_TRUSTED_PROXIES: value }).trustedProxies;
  const some = trusted('10.0.0.7, 172.16.0.0/12,fd00::/8,');
  expect(['10.0.0.7', '172.31.255.255'].map((address) => some.check(address))).toEqual([true, true]);
  expect(some.check('fd01::1', 'ipv6')).toBe(true);
  expect(['10.0.0.8', '172.32.0.0', '127.0.0.1'].map((address) => some.check(address))).toEqual([false, false, false]);
  expect(trusted('').rules).toEqual([]);
});

test.each(['10.0.0', 'proxy.test', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', 'fe80::1%eth0', '*'])(
  'rejects the trusted proxy %s with its position and without its value',
  (network) => {
    const message = messageOf(() => apiEnvironment({ ...complete, LETHE_TRUSTED_PROXIES: `10.0.0.1,${network}` }));
    expect(message).toContain('LETHE_TRUSTED_PROXIES: entry 2: invalid');
    expect(message).not.toContain(network);
  },
);

test('reads a variable from the file at NAME_FILE without its last line break', () => {
  const { DATABASE_URL: url, ...others } = complete;
  expect(apiEnvironment({ ...others, DATABASE_URL_FILE: fileWith(`${url}\n`) }).databaseUrl).toBe(url);
});

test('rejects a variable that is set directly and as a file', () => {
  const environment = { ...complete, DATABASE_URL_FILE: fileWith(complete.DATABASE_URL) };
  expect(messageOf(() => apiEnvironment(environment))).toContain('DATABASE_URL: set twice');
});

test('reports an unreadable file once and not also as a missing variable', () => {
  const message = messageOf(() => migrateEnvironment({ DATABASE_URL_FILE: join(folder, 'absent') }));
  expect(message.match(/DATABASE_URL: /g)).toHaveLength(1);
});

test('does not send an API key to Temporal without TLS unless TEMPORAL_TLS is false', () => {
  expect(workerEnvironment({ ...complete, TEMPORAL_API_KEY: 'k' }).temporal.tls).toBe(true);
  expect(workerEnvironment({ ...complete, TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' }).temporal.tls).toBe(false);
});

test('rejects a client certificate without its key', () => {
  expect(messageOf(() => workerEnvironment({ ...complete, TEMPORAL_TLS_CERT: 'pem' }))).toContain('TEMPORAL_TLS_KEY');
});

test('reads a secret of a system on demand and names the variable when it is not set', () => {
  const { secret } = deploymentEnvironment({ CRM_URL_FILE: fileWith('postgres://crm') });
  expect(secret({ env: 'CRM_URL' })).toBe('postgres://crm');
  expect(() => secret({ env: 'OTHER_URL' })).toThrow('OTHER_URL is not set');
});

test('does not read secrets of systems in the API', () => {
  expect(apiEnvironment(complete)).not.toHaveProperty('secret');
});

test('requires no variable for the demo and uses those that are set', () => {
  expect(demoEnvironment({})).toEqual({});
  expect(demoEnvironment({ TEMPORAL_ADDRESS: 'temporal.test:7233' }).temporalAddress).toBe('temporal.test:7233');
});
