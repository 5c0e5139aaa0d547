import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { BlockList, createServer, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, test } from 'vitest';
import { type WebhookMessage, webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { answering, type Received, receiver } from '../support/receiver.ts';

const it = await receiver();
const sender = webhookSender({ networks: loopback() });
const secret = () => `whsec_${randomBytes(32).toString('base64')}`;
const SECRET = secret();
const BODY = '{"type":"request.ready","data":{"id":"req_1"}}';
const message = (changes: Partial<WebhookMessage> = {}): WebhookMessage => ({
  id: 'evt_1',
  url: `${it.url}/hook`,
  secrets: [SECRET],
  body: BODY,
  ...changes,
});

function only(): Received {
  const [one, ...more] = it.received;
  if (one === undefined || more.length > 0) throw new Error(`${it.received.length} have arrived`);
  return one;
}

beforeEach(() => {
  it.received.splice(0);
  it.answer = answering(204);
});

describe('what arrives', () => {
  test('is signed so that the reference library verifies it, under the id of the event and the time of the attempt', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const [one] = it.received;
    expect(new Webhook(SECRET).verify(one?.body ?? '', one?.headers ?? {})).toEqual(JSON.parse(BODY));
    expect(one).toMatchObject({
      path: '/hook',
      headers: { 'webhook-id': 'evt_1', 'content-type': 'application/json' },
    });
    await sender.send(message());
    expect(it.received.map(({ headers }) => headers['webhook-id'])).toEqual(['evt_1', 'evt_1']);
  });

  test('is refused by the reference library once a byte of it, its id, its time or its secret is another', async () => {
    await sender.send(message());
    const { body, headers } = only();
    const verify = (text: string, more: object, key = SECRET) => new Webhook(key).verify(text, { ...headers, ...more });
    expect(() => verify(body, {})).not.toThrow();
    expect(() => verify(body.replace('ready', 'Ready'), {})).toThrow('No matching signature');
    expect(() => verify(body, { 'webhook-id': 'evt_2' })).toThrow('No matching signature');
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(() => verify(body, { 'webhook-timestamp': later })).toThrow('No matching signature');
    expect(() => verify(body, {}, secret())).toThrow('No matching signature');
  });

  test('is signed with every secret that is alive, while one takes the place of another', async () => {
    const [old, fresh] = [secret(), secret()];
    await sender.send(message({ secrets: [fresh, old] }));
    const { body, headers } = only();
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const key of [old, fresh]) expect(new Webhook(key).verify(body, headers)).toEqual(JSON.parse(BODY));
    expect(() => new Webhook(SECRET).verify(body, headers)).toThrow('No matching signature');
  });
});

describe('what is answered', () => {
  test('a receiver that wants another protocol gets none, and keeps nobody waiting', async () => {
    const words = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    it.answer = (response) => void response.socket?.write(words);
    expect(await sender.send(message())).toEqual({ delivered: false, code: 'connection' });
    expect(it.received).toHaveLength(1);
  });

  test.each([200, 201, 202, 204, 299])('%i is delivered', async (status) => {
    it.answer = answering(status);
    expect(await sender.send(message())).toEqual({ delivered: true });
  });

  test.each([301, 302, 307, 308])('%i is a failure, and nobody goes there', async (status) => {
    const elsewhere = await receiver();
    for (const location of [elsewhere.url, 'http://169.254.169.254/', 'https://example.com/']) {
      it.answer = answering(status, { location });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
    }
    expect(elsewhere.received).toEqual([]);
    expect(it.received).toHaveLength(3);
  });

  test.each([400, 401, 404, 410, 500])('%i is a failure that asks for no time', async (status) => {
    it.answer = answering(status, { 'retry-after': '60' });
    expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
  });

  test.each([429, 502, 503, 504])('%i may ask for time: in seconds, or until a date', async (status) => {
    it.answer = answering(status, { 'retry-after': '60' });
    expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}`, retryAfterMs: 60_000 });
    it.answer = answering(status, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() });
    const asked = (await sender.send(message())) as { retryAfterMs?: number };
    expect(Math.round((asked.retryAfterMs ?? 0) / 60_000)).toBe(60);
    for (const nonsense of ['', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT', '9'.repeat(40)]) {
      it.answer = answering(status, { 'retry-after': nonsense });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
    }
  });

  test(
    'an answer without an end is cut off, long before the attempt itself would be',
    { timeout: 10_000 },
    async () => {
      let written = 0;
      const { promise: cut, resolve } = Promise.withResolvers<void>();
      it.answer = (response) => {
        response.writeHead(200);
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
        };
        response.on('drain', more).on('close', resolve);
        more();
      };
      expect(await sender.send(message())).toEqual({ delivered: true });
      await cut;
      // What a socket buffers by itself.
      expect(written).toBeLessThan(20_000_000);
    },
  );

  test('one that never answers is given up', async () => {
    it.answer = () => undefined;
    const impatient = webhookSender({ networks: loopback(), timeoutMs: 200 });
    expect(await impatient.send(message())).toEqual({ delivered: false, code: 'timeout' });
  });
});

describe('where it may lead', () => {
  const nowhere = webhookSender({ networks: new BlockList() });
  const withPort = (host: string) => `https://${host}:${it.port}/hook`;

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
    expect(it.received).toEqual([]);
  });

  test('only what is named is allowed, and what is not named is refused beside it', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const other = await receiver('127.0.0.2');
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
    const url = `http://changing.test:${it.port}/hook`;
    expect(await bound.send(message({ url }))).toEqual({ delivered: true });
    expect(asked).toEqual(['changing.test']);
    expect(await bound.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
    expect(asked).toHaveLength(2);
    expect(it.received).toHaveLength(1);
  });

  test.each([[['127.0.0.1']], [['93.184.216.34', '127.0.0.1']], [['2606:4700::1111', '::1']], [['::ffff:7f00:1']]])(
    'a name that leads to %j is refused',
    async (addresses) => {
      const led = webhookSender({ networks: new BlockList(), lookup: answers(addresses) });
      const url = `https://led.test:${it.port}/hook`;
      expect(await led.send(message({ url }))).toEqual({ delivered: false, code: 'address_refused' });
      expect(it.received).toEqual([]);
    },
  );

  test('a proxy of the environment is passed by', async () => {
    const proxy = await receiver();
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
    expect(it.received).toHaveLength(1);
  });
});

describe('what goes wrong has a closed code', () => {
  test('nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    closed.close();
    await once(closed, 'close');
    const port = typeof address === 'object' ? address?.port : 0;
    expect(await sender.send(message({ url: `http://127.0.0.1:${port}/` }))).toMatchObject({ code: 'connection' });
  });

  test('a name that nobody knows', async () => {
    const lookup: LookupFunction = (_hostname, _options, answer) =>
      answer(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '');
    const lost = webhookSender({ networks: loopback(), lookup });
    expect(await lost.send(message({ url: 'https://nobody.test/' }))).toEqual({ delivered: false, code: 'dns' });
  });

  test('a server that speaks no TLS where it should', async () => {
    expect(await sender.send(message({ url: it.url.replace('http:', 'https:') }))).toMatchObject({ code: 'tls' });
    expect(it.received).toEqual([]);
  });

  test('a server that hangs up', async () => {
    it.answer = (response) => void response.socket?.destroy();
    expect(await sender.send(message())).toMatchObject({ code: 'connection' });
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
