import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { BlockList, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { startReceiver } from '../support/servers/receiver.ts';
import { webhookFixture, sender } from './webhook-fixture.ts';

const { receiver, message } = await webhookFixture();

describe('allowed destinations', () => {
  const publicOnly = webhookSender({ networks: new BlockList() });
  const withPort = (host: string) => `https://${host}:${receiver.port}/hook`;

  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '10.0.0.1',
    '100.64.0.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    'localhost',
  ])('refuses %s and sends nothing to it', async (host) => {
    expect(await publicOnly.send(message({ url: withPort(host) }))).toEqual({
      delivered: false,
      code: 'address_refused',
    });
    expect(receiver.received).toEqual([]);
  });

  test('allows a listed private address and refuses another one', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const other = await startReceiver('127.0.0.2');
    expect(await sender.send(message({ url: other.url }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(other.received).toEqual([]);
  });

  test('refuses plain HTTP to a public address', async () => {
    const lookup = resolvesTo(['93.184.216.34']);
    const plainHttp = webhookSender({ networks: loopback(), lookup });
    for (const host of ['93.184.216.34', 'public.test'])
      expect(await plainHttp.send(message({ url: `http://${host}/` }))).toMatchObject({ code: 'address_refused' });
  });

  test('resolves a name once per attempt and refuses a changed address at the next attempt', async () => {
    const lookups: string[] = [];
    const changing: LookupFunction = (hostname, _options, callback) => {
      lookups.push(hostname);
      callback(null, [{ address: lookups.length === 1 ? '127.0.0.1' : '127.0.0.3', family: 4 }]);
    };
    const bound = webhookSender({ networks: loopback(), lookup: changing });
    const url = `http://changing.test:${receiver.port}/hook`;
    expect(await bound.send(message({ url }))).toEqual({ delivered: true });
    expect(lookups).toEqual(['changing.test']);
    expect(await bound.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(lookups).toHaveLength(2);
    expect(receiver.received).toHaveLength(1);
  });

  test.each([[['127.0.0.1']], [['93.184.216.34', '127.0.0.1']], [['2606:4700::1111', '::1']], [['::ffff:7f00:1']]])(
    'refuses a name that resolves to %j',
    async (addresses) => {
      const custom = webhookSender({ networks: new BlockList(), lookup: resolvesTo(addresses) });
      const url = `https://resolved.test:${receiver.port}/hook`;
      expect(await custom.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
      expect(receiver.received).toEqual([]);
    },
  );

  test('ignores a proxy of the environment', async () => {
    const proxy = await startReceiver();
    const script = `
      const { BlockList } = await import('node:net');
      const { webhookSender } = await import('./outbound/webhook.ts');
      const networks = new BlockList();
      networks.addAddress('127.0.0.1');
      console.log(JSON.stringify(await webhookSender({ networks }).send(${JSON.stringify(message())})));`;
    const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: '' };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    await once(child, 'exit');
    expect(JSON.parse(output)).toEqual({ delivered: true });
    expect(proxy.received).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });
});

describe.skipIf(!hasOpenssl())('over TLS', () => {
  test('delivers only when the certificate is trusted and has the host name', async () => {
    const { key, cert } = selfSigned();
    const server = https.createServer({ key, cert }, (_request, response) => void response.writeHead(204).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const lookup = resolvesTo(['127.0.0.1']);
    const named = webhookSender({ networks: loopback(), lookup });
    const url = `https://hooks.test:${port}/`;
    expect(await named.send(message({ url }))).toEqual({ delivered: false, code: 'tls' });
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, cert]);
    expect(await named.send(message({ url }))).toEqual({ delivered: true });
    expect(await named.send(message({ url: url.replace('hooks', 'other') }))).toMatchObject({ code: 'tls' });
    setDefaultCACertificates(trusted);
    server.closeAllConnections();
    server.close();
  });
});

function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0;
}

function selfSigned(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-tls-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const args = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=hooks.test',
  ];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    ...args,
    '-addext',
    'subjectAltName=DNS:hooks.test',
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(folder, { recursive: true });
  return pair;
}

const resolvesTo =
  (addresses: readonly string[]): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
