import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { freePort } from '../../../dev/embedded/ports.ts';
import { listen, type HttpServer } from '../../../api/http/http-server.ts';
import { archiveFolder, PUBLIC_URL } from '../../support/archives.ts';
import { submitExport, createLink, makeReady, linkStateOf } from './exports.ts';
import { CATALOG, KEYS, START, testApi, user } from '../support/api.ts';

/** Downloads over real connections, from several servers that share one database and one storage. */

const folder = archiveFolder();
const storage = folderStorage(folder);
const api = await testApi({ storage });
/** Larger than all buffers between server and caller, so that a caller that stops reading stops the server. */
const LARGE = randomBytes(8_000_000);

const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.drain())));

async function startServer(renewTransfersMs = 20_000): Promise<HttpServer> {
  const { database, orchestrator, log } = api;
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
  const deps = { database, keys: KEYS, catalog: CATALOG, orchestrator, logger, storage, publicUrl: PUBLIC_URL };
  const app = createApp({ ...deps, now: () => START, renewTransfersMs });
  const server = await listen(app, { host: '127.0.0.1', port: 0, drainMs: 10_000 });
  servers.push(server);
  return server;
}

/** Sends the POST of the button on the page. The body of the response is not read yet. */
async function pressDownload(
  { url }: Pick<HttpServer, 'url'>,
  path: string,
  agent = new Agent(),
): Promise<IncomingMessage> {
  const call = request(`${url}${path}`, { method: 'POST', agent });
  const responded = once(call, 'response');
  call.end();
  const [answer] = (await responded) as [IncomingMessage];
  return answer;
}

/** The digest of the received body, which keeps the output of a failed comparison readable. */
async function digestOfBody(answer: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of answer) hash.update(piece as Buffer);
  return hash.digest('hex');
}
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const ready = async (bytes?: Buffer) => makeReady(api, storage, await submitExport(api, [user('u-1')]), bytes);

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) if (await holds()) return;
  throw new Error('the condition was not met in time');
}
const waitForState = (requestId: string, linkId: string, state: string) =>
  waitUntil(async () => (await linkStateOf(api, requestId, linkId)) === state);

test('gives the whole archive to one of 100 concurrent calls and responds to the others as for an unknown link', async () => {
  const pair = [await startServer(), await startServer()];
  const { id, bytes } = await ready(randomBytes(3_000_000));
  const link = await createLink(api, id);
  const unknownPath = `/download/${randomBytes(32).toString('base64url')}`;
  const readResponse = async (answer: IncomingMessage) => {
    const body = await digestOfBody(answer);
    const { 'x-request-id': call, date, ...headers } = answer.headers;
    expect([call, date]).toEqual([expect.any(String), expect.any(String)]);
    return { status: answer.statusCode, headers, body };
  };
  const unknown = await readResponse(await pressDownload(await startServer(), unknownPath));
  expect(unknown.status).toBe(404);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const server = pair[n % 2];
      if (server === undefined) throw new Error('the pair has two servers');
      return readResponse(await pressDownload(server, link.path));
    }),
  );
  const [got, ...more] = answers.filter(({ status }) => status === 200);
  expect(more).toEqual([]);
  expect(got?.body).toBe(digestOf(bytes));
  expect(got?.headers).toMatchObject({
    'content-type': 'application/zip',
    'content-length': String(bytes.length),
    'content-disposition': `attachment; filename="lethe-export-${id.slice(-8)}.zip"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused).toHaveLength(99);
  for (const answer of refused) expect(answer).toEqual(unknown);
  await waitForState(id, link.id, 'used');
  const used = await readResponse(await pressDownload(await startServer(), link.path));
  expect(used).toEqual(unknown);
  const audit = await api.sql`SELECT action, actor, detail FROM lethe.audit_events
    WHERE request_id = ${id} AND action LIKE 'link.%' ORDER BY id`;
  expect([...audit]).toEqual([
    { action: 'link.made', actor: api.owner.memberId, detail: { link: link.id } },
    { action: 'link.used', actor: 'lethe', detail: { link: link.id } },
  ]);
});

test('opens the link again when a download is interrupted, and completes the next download', async () => {
  const [one, other] = [await startServer(), await startServer()];
  const { id, bytes } = await ready(LARGE);
  const link = await createLink(api, id);
  const broken = await pressDownload(one, link.path);
  expect(broken.statusCode).toBe(200);
  await once(broken, 'readable');
  broken.pause();
  expect(await linkStateOf(api, id, link.id)).toBe('downloading');
  const meanwhile = await pressDownload(other, link.path);
  expect(meanwhile.statusCode).toBe(404);
  meanwhile.resume();
  broken.destroy();
  await waitForState(id, link.id, 'open');
  const whole = await pressDownload(other, link.path);
  expect(whole.statusCode).toBe(200);
  expect(await digestOfBody(whole)).toBe(digestOf(bytes));
  await waitForState(id, link.id, 'used');
  const used = await api.sql`SELECT FROM lethe.audit_events WHERE request_id = ${id} AND action = 'link.used'`;
  expect(used).toHaveLength(1);
});

test.each([
  ['its link is revoked', async (id: string, link: string) => api.call('DELETE', `/v1/requests/${id}/links/${link}`)],
  ['its archive is destroyed', async (id: string) => api.call('DELETE', `/v1/requests/${id}/archive`)],
])('aborts a running download when %s', async (_, end) => {
  const server = await startServer(50);
  const { id } = await ready(LARGE);
  const link = await createLink(api, id);
  const answer = await pressDownload(server, link.path);
  await once(answer, 'readable');
  // Lease renewals alone do not abort it.
  await sleep(200);
  expect(await linkStateOf(api, id, link.id)).toBe('downloading');
  expect((await end(id, link.id)).status).toBe(204);
  await expect(digestOfBody(answer)).rejects.toThrow('aborted');
  const again = await pressDownload(server, link.path);
  expect(again.statusCode).toBe(404);
  again.resume();
  // The connection is closed first, then the lease is released.
  const stored = async () => [...(await api.sql`SELECT used_at, transfer FROM lethe.links WHERE id = ${link.id}`)];
  await expect.poll(stored).toEqual([{ usedAt: null, transfer: null }]);
});

test('completes a running download and marks its link as used during a shutdown', async () => {
  const server = await startServer();
  const { id, bytes } = await ready(LARGE);
  const link = await createLink(api, id);
  const answer = await pressDownload(server, link.path);
  await once(answer, 'readable');
  answer.pause();
  const drained = server.drain();
  await sleep(700);
  expect(await linkStateOf(api, id, link.id)).toBe('downloading');
  expect(await digestOfBody(answer)).toBe(digestOf(bytes));
  await drained;
  await waitForState(id, link.id, 'used');
});

/** A real API process. Its clock is the real one, unlike that of this file. */
async function startProcess() {
  const port = String(await freePort());
  const keys = KEYS.map(({ id, key }) => `${id}:${key.export().toString('base64url')}`).join();
  const env = {
    ...process.env,
    DATABASE_URL: api.url,
    PORT: port,
    LETHE_DIGEST_KEYS: keys,
    LETHE_ARCHIVES: `file:${folder}`,
  };
  const child = spawn(process.execPath, ['api/server.ts'], { env: { ...env, TEMPORAL_ADDRESS: '127.0.0.1:9' } });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!output.includes('"listening"')) {
    if (child.exitCode !== null) throw new Error(output);
    await once(child.stdout, 'data');
  }
  return { url: `http://127.0.0.1:${port}`, child, output: () => output };
}

test('allows one of 100 downloads across two processes and completes a download before a process stops', async () => {
  const [one, other] = await Promise.all([startProcess(), startProcess()]);
  const { id, bytes } = await ready(LARGE);
  const now = new Date();
  await api.sql`UPDATE lethe.archives SET ready_at = ${now}, expires_at = ${new Date(now.getTime() + 3_600_000)} WHERE request_id = ${id}`;
  const linkNow = async () => {
    api.clock.now = now;
    const link = await createLink(api, id);
    api.clock.now = START;
    return link;
  };
  const link = await linkNow();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => pressDownload(n % 2 === 0 ? one : other, link.path)),
  );
  const got = answers.filter(({ statusCode }) => statusCode === 200);
  const rest = await Promise.all(answers.filter((answer) => !got.includes(answer)).map(digestOfBody));
  expect([got.length, rest.length, new Set(rest).size]).toEqual([1, 99, 1]);
  for (const answer of got) expect(await digestOfBody(answer)).toBe(digestOf(bytes));
  await waitForState(id, link.id, 'used');

  const last = await linkNow();
  const answer = await pressDownload(one, last.path);
  await once(answer, 'readable');
  answer.pause();
  one.child.kill('SIGTERM');
  const exited = once(one.child, 'exit');
  await waitUntil(async () => one.output().includes('"shutting down"'));
  expect(await digestOfBody(answer)).toBe(digestOf(bytes));
  expect((await exited)[0]).toBe(0);
  expect(await linkStateOf(api, id, last.id)).toBe('used');
  const logs = one.output() + other.output();
  for (const { path } of [link, last]) expect(logs).not.toContain(path.slice('/download/'.length));
  expect(logs.match(/"msg":"download completed"/g)).toHaveLength(2);
});
