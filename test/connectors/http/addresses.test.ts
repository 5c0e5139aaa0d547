import type { LookupFunction } from 'node:net';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { path } from '../../../connectors/http/index.ts';
import { validateSettings } from '../../../connectors/http/validate-settings.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { batchOf, openAt, settingsAt, testContext, testDeletion } from './fixture.ts';

const server = await startFaultyServer();
beforeEach(() => server.clear());
afterAll(() => server.close());

/** What a deletion throws that calls this host. Null: it succeeds. */
async function refusalAt(
  at: string,
  allowPrivate: readonly string[] = [],
  lookup?: LookupFunction,
  calls = 1,
): Promise<unknown> {
  const settings = settingsAt(at, {
    allowPrivate,
    erase: async (api) => {
      for (let call = 0; call < calls; call += 1) await api.get(path`/x`);
    },
  });
  const connector = openAt(settings, lookup === undefined ? {} : { lookup });
  const error: unknown = await connector.hardDelete(batchOf(1), testDeletion(), testContext()).then(
    () => null,
    (reason: unknown) => reason,
  );
  await connector.close();
  return error;
}

/** Answers each lookup with the next address. */
const lookupOf = (...addresses: readonly string[]): LookupFunction => {
  let count = 0;
  return (_host, options, callback) => {
    const address = addresses[Math.min(count, addresses.length - 1)] ?? '';
    count += 1;
    const family = address.includes(':') ? 6 : 4;
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
};

const PRIVATE = { code: 'refused', reason: 'private_address', retryable: false };

test.each([
  '127.0.0.1',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '[::1]',
  '[::]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '0x7f000001',
  '127.1',
])('refuses %s without a retry, when the configuration is read and when it is called', async (host) => {
  const at = `https://${host}:${server.port}`;
  expect(validateSettings(settingsAt(at, { allowPrivate: [] }))).toEqual([
    { path: 'at', message: 'is a private address, or not encrypted, and is not in a network of allowPrivate' },
  ]);
  expect(await refusalAt(at)).toMatchObject(PRIVATE);
  expect(server.calls).toEqual([]);
});

test.each(['127.0.0.1', '10.1.2.3', '::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'fe80::1'])(
  'refuses a name that leads to %s without a retry',
  async (address) => {
    expect(await refusalAt('https://api.example.com', [], lookupOf(address))).toMatchObject(PRIVATE);
  },
);

test('refuses a name whose address becomes private between two calls', async () => {
  server.reply = () => ({ status: 200, json: {}, headers: { connection: 'close' } });
  const at = `http://api.example.com:${server.port}`;
  const error = await refusalAt(at, ['127.0.0.1'], lookupOf('127.0.0.1', '127.0.0.2'), 2);
  expect(error).toMatchObject(PRIVATE);
  expect(server.calls).toHaveLength(1);
});

test('calls a private host that the configuration allows, and sends nothing unencrypted elsewhere', async () => {
  expect(await refusalAt(server.url, ['127.0.0.0/8'])).toBeNull();
  expect(server.calls).toHaveLength(1);
  expect(await refusalAt('http://api.example.com', ['10.0.0.0/8'], lookupOf('93.184.216.34'))).toMatchObject(PRIVATE);
  expect(await refusalAt(server.url, ['10.0.0.0/8'])).toMatchObject(PRIVATE);
  expect(server.calls).toHaveLength(1);
});
