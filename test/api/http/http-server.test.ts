import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { archives, PUBLIC_URL } from '../../support/archives.ts';
import { createApp } from '../../../api/app.ts';
import { listen, type HttpServer, type ListenOptions } from '../../../api/http/http-server.ts';
import { CATALOG, deletionOf, KEYS, START, testApi, user } from '../support/api.ts';

const LOCAL_SERVER = { host: '127.0.0.1', port: 0, drainMs: 5_000 };
const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.drain())));

type Handler = (request: Request) => Response | Promise<Response>;
async function startServer(fetch: Handler, changes: Partial<ListenOptions> = {}): Promise<HttpServer> {
  const one = await listen({ fetch }, { ...LOCAL_SERVER, drainMs: 50, ...changes });
  servers.push(one);
  return one;
}

/** A raw connection that shows every byte sent and received. */
function openConnection({ url }: HttpServer) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return {
    socket,
    closed,
    received: () => received,
    get: (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`),
    async answered(count: number) {
      while (received.split('HTTP/1.1 ').length <= count) await sleep(5);
    },
  };
}
/** A handler that waits until `open` is called. */
function createGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let started = 0;
  const answer: Handler = async () => {
    started += 1;
    await promise;
    return new Response('released');
  };
  const hasStarted = async (times = 1) => {
    while (started < times) await sleep(5);
  };
  return { answer, open: resolve, hasStarted };
}

async function startApp(changes: Partial<ListenOptions>) {
  const api = await testApi();
  const { database, orchestrator, owner, log } = api;
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
  const exportDeps = { storage: archives(), publicUrl: PUBLIC_URL };
  const app = createApp({
    database,
    keys: KEYS,
    catalog: CATALOG,
    orchestrator,
    now: () => START,
    logger,
    ...exportDeps,
  });
  const one = await listen(app, { ...LOCAL_SERVER, ...changes });
  servers.push(one);
  const body = JSON.stringify(deletionOf([user('canary-slow')]));
  const head = `POST /v1/requests HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${owner.token}\r\nContent-Type: application/json\r\n`;
  const stored = async () => (await database.$client`SELECT FROM lethe.requests`).length;
  return { one, log, stored, body, head };
}

async function sendSlowly(to: ReturnType<typeof openConnection>, text: string): Promise<void> {
  for (const byte of text) {
    if (to.socket.destroyed) return;
    to.socket.write(byte);
    await sleep(20);
  }
}

test.each([
  ['with Content-Length', (length: number) => `Content-Length: ${length}\r\n\r\n`, (body: string) => body],
  ['in chunks', () => 'Transfer-Encoding: chunked\r\n\r\n', (body: string) => `${body.length.toString(16)}\r\n${body}`],
])('ends a slow body sent %s with 408 and stores nothing', async (_, lengthOf, sent) => {
  const { one, log, stored, body, head } = await startApp({ headersMs: 300, requestMs: 300, checkMs: 50 });
  const slow = openConnection(one);
  slow.socket.write(head + lengthOf(body.length));
  await sendSlowly(slow, sent(body));
  expect(await slow.closed).toMatch(/^HTTP\/1\.1 408 /);
  const quick = openConnection(one);
  quick.socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  await quick.answered(1);
  expect(quick.received()).toMatch(/^HTTP\/1\.1 202 /);
  expect(await stored()).toBe(1);
  expect(log.join('')).not.toMatch(/canary|"level":(50|60)/);
});

test('ends slow headers and an incomplete body with 408', async () => {
  const { one, log, stored, body, head } = await startApp({ headersMs: 200, requestMs: 400, checkMs: 50 });
  const slow = openConnection(one);
  await sendSlowly(slow, head);
  expect(await slow.closed).toMatch(/^HTTP\/1\.1 408 /);
  const half = openConnection(one);
  half.socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`);
  expect(await half.closed).toMatch(/^HTTP\/1\.1 408 /);
  expect(await stored()).toBe(0);
  expect(log.join('')).not.toMatch(/canary|"level":(50|60)/);
});

test('disconnects a caller that does not read the response and stops the response', async () => {
  const result = Promise.withResolvers<string>();
  const one = await startServer(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
          cancel: () => result.resolve('cancelled'),
        }),
      ),
    { silenceMs: 300 },
  );
  const unresponsive = openConnection(one);
  unresponsive.socket.pause();
  unresponsive.get('/endless');
  expect(await result.promise).toBe('cancelled');
  unresponsive.socket.destroy();
});

test('closes idle connections and completes active requests during a shutdown', async () => {
  const slow = createGate();
  const one = await startServer(
    (request) => (request.url.includes('/slow') ? slow.answer(request) : new Response('quick')),
    {
      drainMs: 5_000,
    },
  );
  const [busy, idle, silent] = [openConnection(one), openConnection(one), openConnection(one)];
  idle.get('/quick');
  await idle.answered(1);
  busy.get('/slow');
  await slow.hasStarted();
  let ended = false;
  const drained = one.drain().then(() => (ended = true));
  expect(await Promise.all([idle.closed, silent.closed])).toEqual([
    expect.stringMatching(/connection: keep-alive[^]*quick$/i),
    '',
  ]);
  const late = openConnection(one);
  expect(await late.closed).toBe('');
  expect([ended, busy.received()]).toEqual([false, '']);
  slow.open();
  expect(await busy.closed).toMatch(/^HTTP\/1\.1 200 [^]*connection: close[^]*released$/i);
  await drained;
});

test('answers requests that were sent before the shutdown and closes the connection with the last one', async () => {
  const slow = createGate();
  const one = await startServer(
    (request) => (request.url.includes('/slow') ? slow.answer(request) : new Response('quick')),
    {
      drainMs: 5_000,
    },
  );
  const [piped, first] = [openConnection(one), openConnection(one)];
  piped.get('/slow?1');
  piped.get('/slow?2');
  first.get('/quick');
  await Promise.all([first.answered(1), slow.hasStarted(2)]);
  const drained = one.drain();
  first.get('/quick');
  slow.open();
  for (const answers of await Promise.all([piped.closed, first.closed]))
    expect(answers.match(/connection: \S+/gi)).toEqual(['Connection: keep-alive', 'Connection: close']);
  expect(piped.received()).toMatch(/released[^]*released$/);
  await drained;
});

test('answers every caller whose connection the process has not accepted before the shutdown', async () => {
  const CALLERS = 40;
  const one = await startServer(() => new Response('answered'), { drainMs: 5_000 });
  const { port } = new URL(one.url);
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const callers = new Worker(
    `const { workerData: { callers, sent, port }, parentPort } = require('node:worker_threads');
     const { connect } = require('node:net');
     for (let n = 0; n < callers; n++) {
       const socket = connect(port, '127.0.0.1');
       let received = '';
       socket.on('data', (bytes) => (received += bytes)).on('error', () => {}).on('close', () => parentPort.postMessage(received));
       socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', () => { if (Atomics.add(sent, 0, 1) + 1 === callers) Atomics.notify(sent, 0); });
     }`,
    { eval: true, workerData: { callers: CALLERS, sent, port: Number(port) } },
  );
  const answers: string[] = [];
  const received = new Promise<void>((resolve) =>
    callers.on('message', (answer: string) => answers.push(answer) === CALLERS && resolve()),
  );
  await once(callers, 'online');
  // Blocks the event loop of the server, so that the operating system completes the connections and the server sees none.
  for (let n = 0; n < CALLERS; n = Atomics.load(sent, 0)) Atomics.wait(sent, 0, n, 10_000);
  const drained = one.drain();
  await received;
  expect(answers.filter((answer) => !/^HTTP\/1\.1 200 [^]*Connection: close[^]*answered/.test(answer))).toEqual([]);
  await drained;
});

test('sends a response completely during a shutdown while the caller still reads it', async () => {
  const body = 'x'.repeat(20_000_000);
  const one = await startServer(() => new Response(body), { drainMs: 20_000 });
  const reader = openConnection(one);
  reader.get('/large');
  await reader.answered(1);
  reader.socket.pause();
  const drained = one.drain();
  await sleep(700);
  reader.socket.resume();
  expect((await reader.closed).split('\r\n\r\n')[1]?.length).toBe(body.length);
  await drained;
});

test('disconnects slow callers after the drain time and waits for handlers of disconnected callers', async () => {
  const never = await startServer(createGate().answer, { drainMs: 100 });
  const stuck = openConnection(never);
  stuck.get('/never');
  await sleep(50);
  await never.drain();
  expect(await stuck.closed).toBe('');

  const slow = createGate();
  let done = false;
  const one = await startServer(
    async (request) => {
      const answer = await slow.answer(request);
      done = true;
      return answer;
    },
    { drainMs: 5_000 },
  );
  const disconnected = openConnection(one);
  disconnected.get('/slow');
  await slow.hasStarted();
  disconnected.socket.destroy();
  await disconnected.closed;
  setTimeout(slow.open, 600);
  await one.drain();
  expect(done).toBe(true);
});
