import { once } from 'node:events';
import { createServer, type LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { respondWith, type Received, startReceiver } from '../support/servers/receiver.ts';
import { BODY, webhookFixture, SECRET, secret, sender } from './webhook-fixture.ts';

const { receiver, message } = await webhookFixture();

function only(): Received {
  const [one, ...more] = receiver.received;
  if (one === undefined || more.length > 0) throw new Error(`${receiver.received.length} have arrived`);
  return one;
}

describe('what arrives', () => {
  test('is signed so that the reference library verifies it, under the id of the event and the time of the attempt', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const [one] = receiver.received;
    expect(new Webhook(SECRET).verify(one?.body ?? '', one?.headers ?? {})).toEqual(JSON.parse(BODY));
    expect(one).toMatchObject({
      path: '/hook',
      headers: { 'webhook-id': 'evt_1', 'content-type': 'application/json' },
    });
    await sender.send(message());
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['evt_1', 'evt_1']);
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
    receiver.respond = (response) => void response.socket?.write(words);
    expect(await sender.send(message())).toEqual({ delivered: false, code: 'connection' });
    expect(receiver.received).toHaveLength(1);
  });

  test.each([200, 201, 202, 204, 299])('%i is delivered', async (status) => {
    receiver.respond = respondWith(status);
    expect(await sender.send(message())).toEqual({ delivered: true });
  });

  test.each([301, 302, 307, 308])('%i is a failure, and nobody goes there', async (status) => {
    const elsewhere = await startReceiver();
    for (const location of [elsewhere.url, 'http://169.254.169.254/', 'https://example.com/']) {
      receiver.respond = respondWith(status, { location });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
    }
    expect(elsewhere.received).toEqual([]);
    expect(receiver.received).toHaveLength(3);
  });

  test.each([400, 401, 404, 410, 500])('%i is a failure that asks for no time', async (status) => {
    receiver.respond = respondWith(status, { 'retry-after': '60' });
    expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
  });

  test.each([429, 502, 503, 504])('%i may ask for time: in seconds, or until a date', async (status) => {
    receiver.respond = respondWith(status, { 'retry-after': '60' });
    expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}`, retryAfterMs: 60_000 });
    receiver.respond = respondWith(status, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() });
    const asked = (await sender.send(message())) as { retryAfterMs?: number };
    expect(Math.round((asked.retryAfterMs ?? 0) / 60_000)).toBe(60);
    for (const nonsense of ['', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT', '9'.repeat(40)]) {
      receiver.respond = respondWith(status, { 'retry-after': nonsense });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
    }
  });

  test(
    'an answer without an end is cut off, long before the attempt itself would be',
    { timeout: 10_000 },
    async () => {
      let written = 0;
      const { promise: cut, resolve } = Promise.withResolvers<void>();
      receiver.respond = (response) => {
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
    receiver.respond = () => undefined;
    const impatient = webhookSender({ networks: loopback(), timeoutMs: 200 });
    expect(await impatient.send(message())).toEqual({ delivered: false, code: 'timeout' });
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
    expect(await sender.send(message({ url: receiver.url.replace('http:', 'https:') }))).toMatchObject({ code: 'tls' });
    expect(receiver.received).toEqual([]);
  });

  test('a server that hangs up', async () => {
    receiver.respond = (response) => void response.socket?.destroy();
    expect(await sender.send(message())).toMatchObject({ code: 'connection' });
  });
});
