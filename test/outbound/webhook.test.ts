import { once } from 'node:events';
import { createServer, type LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { webhookSender } from '../../outbound/webhook.ts';
import { loopback } from '../support/outbound.ts';
import { respondWith, type Received, startReceiver } from '../support/servers/receiver.ts';
import { BODY, webhookFixture, SECRET, secret, sender } from './webhook-fixture.ts';

const { receiver, message } = await webhookFixture();

function onlyCall(): Received {
  const [call, ...more] = receiver.received;
  if (call === undefined || more.length > 0) throw new Error(`expected one call, received ${receiver.received.length}`);
  return call;
}

describe('signed message', () => {
  test('passes verification by the reference library and keeps its ID in each attempt', async () => {
    expect(await sender.send(message())).toEqual({ delivered: true });
    const [call] = receiver.received;
    expect(new Webhook(SECRET).verify(call?.body ?? '', call?.headers ?? {})).toEqual(JSON.parse(BODY));
    expect(call).toMatchObject({
      path: '/hook',
      headers: { 'webhook-id': 'evt_1', 'content-type': 'application/json' },
    });
    await sender.send(message());
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['evt_1', 'evt_1']);
  });

  test('fails verification when the body, the ID, the timestamp or the secret differs', async () => {
    await sender.send(message());
    const { body, headers } = onlyCall();
    const verify = (text: string, more: object, key = SECRET) => new Webhook(key).verify(text, { ...headers, ...more });
    expect(() => verify(body, {})).not.toThrow();
    expect(() => verify(body.replace('ready', 'Ready'), {})).toThrow('No matching signature');
    expect(() => verify(body, { 'webhook-id': 'evt_2' })).toThrow('No matching signature');
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(() => verify(body, { 'webhook-timestamp': later })).toThrow('No matching signature');
    expect(() => verify(body, {}, secret())).toThrow('No matching signature');
  });

  test('contains a signature for each active secret during a rotation', async () => {
    const [old, fresh] = [secret(), secret()];
    await sender.send(message({ secrets: [fresh, old] }));
    const { body, headers } = onlyCall();
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const key of [old, fresh]) expect(new Webhook(key).verify(body, headers)).toEqual(JSON.parse(BODY));
    expect(() => new Webhook(SECRET).verify(body, headers)).toThrow('No matching signature');
  });
});

describe('response of the receiver', () => {
  test('fails at once when the receiver switches protocols', async () => {
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    receiver.respond = (response) => void response.socket?.write(switching);
    expect(await sender.send(message())).toEqual({ delivered: false, code: 'connection' });
    expect(receiver.received).toHaveLength(1);
  });

  test.each([200, 201, 202, 204, 299])('counts %i as delivered', async (status) => {
    receiver.respond = respondWith(status);
    expect(await sender.send(message())).toEqual({ delivered: true });
  });

  test.each([301, 302, 307, 308])('counts %i as failed and does not follow the redirect', async (status) => {
    const elsewhere = await startReceiver();
    for (const location of [elsewhere.url, 'http://169.254.169.254/', 'https://example.com/']) {
      receiver.respond = respondWith(status, { location });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
    }
    expect(elsewhere.received).toEqual([]);
    expect(receiver.received).toHaveLength(3);
  });

  test.each([400, 401, 404, 410, 500])('counts %i as failed and ignores `Retry-After`', async (status) => {
    receiver.respond = respondWith(status, { 'retry-after': '60' });
    expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
  });

  test.each([429, 502, 503, 504])(
    'counts %i as failed and respects `Retry-After` in seconds or as a date',
    async (status) => {
      receiver.respond = respondWith(status, { 'retry-after': '60' });
      expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}`, retryAfterMs: 60_000 });
      receiver.respond = respondWith(status, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() });
      const attempt = (await sender.send(message())) as { retryAfterMs?: number };
      expect(Math.round((attempt.retryAfterMs ?? 0) / 60_000)).toBe(60);
      for (const nonsense of ['', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT', '9'.repeat(40)]) {
        receiver.respond = respondWith(status, { 'retry-after': nonsense });
        expect(await sender.send(message())).toEqual({ delivered: false, code: `http_${status}` });
      }
    },
  );

  test('closes the connection without reading an endless response', { timeout: 10_000 }, async () => {
    let written = 0;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    receiver.respond = (response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.on('drain', more).on('close', resolve);
      more();
    };
    expect(await sender.send(message())).toEqual({ delivered: true });
    await closed;
    // Allows for the buffers of the socket.
    expect(written).toBeLessThan(20_000_000);
  });

  test('fails with `timeout` when the receiver does not respond', async () => {
    receiver.respond = () => undefined;
    const impatient = webhookSender({ networks: loopback(), timeoutMs: 200 });
    expect(await impatient.send(message())).toEqual({ delivered: false, code: 'timeout' });
  });
});

describe('error codes', () => {
  test('returns `connection` when no server listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    closed.close();
    await once(closed, 'close');
    const port = typeof address === 'object' ? address?.port : 0;
    expect(await sender.send(message({ url: `http://127.0.0.1:${port}/` }))).toMatchObject({ code: 'connection' });
  });

  test('returns `dns` when the host name is unknown', async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '');
    const custom = webhookSender({ networks: loopback(), lookup });
    expect(await custom.send(message({ url: 'https://unknown.test/' }))).toEqual({ delivered: false, code: 'dns' });
  });

  test('returns `tls` when the server does not support TLS', async () => {
    expect(await sender.send(message({ url: receiver.url.replace('http:', 'https:') }))).toMatchObject({ code: 'tls' });
    expect(receiver.received).toEqual([]);
  });

  test('returns `connection` when the server closes the connection', async () => {
    receiver.respond = (response) => void response.socket?.destroy();
    expect(await sender.send(message())).toMatchObject({ code: 'connection' });
  });
});
