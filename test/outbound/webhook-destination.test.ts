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

describe('where it may lead', () => {
  const nowhere = webhookSender({ networks: new BlockList() });
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
  ])('%s is refused, and no byte goes there', async (host) => {
    expect(await nowhere.send(message({ url: withPort(host) }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(receiver.received).toEqual([]);
  });

  test('only what is named is allowed, and what is not named is refused beside it', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const other = await startReceiver('127.0.0.2');
    expect(await sender.send(message({ url: other.url }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(other.received).toEqual([]);
  });

  test('in clear nothing goes to a public address', async () => {
    const lookup = answers(['93.184.216.34']);
    const inClear = webhookSender({ networks: loopback(), lookup });
    for (const host of ['93.184.216.34', 'public.test'])
      expect(await inClear.send(message({ url: `http://${host}/` }))).toMatchObject({ code: 'address_refused' });
  });

  test('a name is asked for once per attempt; an answer that has changed by the next one is refused', async () => {
    const asked: string[] = [];
    const changing: LookupFunction = (hostname, _options, answer) => {
      asked.push(hostname);
      answer(null, [{ address: asked.length === 1 ? '127.0.0.1' : '127.0.0.3', family: 4 }]);
    };
    const bound = webhookSender({ networks: loopback(), lookup: changing });
    const url = `http://changing.test:${receiver.port}/hook`;
    expect(await bound.send(message({ url }))).toEqual({ delivered: true });
    expect(asked).toEqual(['changing.test']);
    expect(await bound.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(asked).toHaveLength(2);
    expect(receiver.received).toHaveLength(1);
  });

  test.each([[['127.0.0.1']], [['93.184.216.34', '127.0.0.1']], [['2606:4700::1111', '::1']], [['::ffff:7f00:1']]])(
    'a name that leads to %j is refused',
    async (addresses) => {
      const led = webhookSender({ networks: new BlockList(), lookup: answers(addresses) });
      const url = `https://led.test:${receiver.port}/hook`;
      expect(await led.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
      expect(receiver.received).toEqual([]);
    },
  );

  test('a proxy of the environment is passed by', async () => {
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
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    await once(child, 'exit');
    expect(JSON.parse(said)).toEqual({ delivered: true });
    expect(proxy.received).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });
});

describe.skipIf(!hasOpenssl())('over TLS', () => {
  test('a certificate that nobody trusts is refused, one that is trusted is spoken to, another name is not', async () => {
    const { key, cert } = selfSigned();
    const server = https.createServer({ key, cert }, (_request, response) => void response.writeHead(204).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const lookup = answers(['127.0.0.1']);
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

const answers =
  (addresses: readonly string[]): LookupFunction =>
  (_hostname, _options, answer) =>
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
