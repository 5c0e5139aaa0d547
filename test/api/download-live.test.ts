import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createApp } from '../../api/app.ts';
import { listen, type Listening } from '../../api/listen.ts';
import { archives, PUBLIC_URL } from '../support/archives.ts';
import { acceptedExport, linkTo, makeReady, stateOf } from './exports.ts';
import { CATALOG, KEYS, START, testApi, user } from './support.ts';

/** Downloads over real connections, from several servers on one ledger and one storage. */

const storage = archives();
const api = await testApi({ storage });
/** More than all the buffers on the way hold, so that a caller who stops reading stops the sender. */
const LARGE = randomBytes(40_000_000);

const listening: Listening[] = [];
afterEach(() => Promise.all(listening.splice(0).map((one) => one.drain())));

async function served(renewTransfersMs = 20_000): Promise<Listening> {
  const { database, orchestrator, log } = api;
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
  const deps = { database, keys: KEYS, catalog: CATALOG, orchestrator, logger, storage, publicUrl: PUBLIC_URL };
  const app = createApp({ ...deps, now: () => START, renewTransfersMs });
  const one = await listen(app, { host: '127.0.0.1', port: 0, drainMs: 10_000 });
  listening.push(one);
  return one;
}

/** Sends the POST of the page's button; the answer's body is not read yet. */
async function press({ url }: Listening, path: string, agent = new Agent()): Promise<IncomingMessage> {
  const call = request(`${url}${path}`, { method: 'POST', agent });
  const answered = once(call, 'response');
  call.end();
  const [answer] = (await answered) as [IncomingMessage];
  return answer;
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const ready = async (bytes?: Buffer) => makeReady(api, storage, await acceptedExport(api, [user('u-1')]), bytes);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) if (await holds()) return;
  throw new Error('never');
}
const becomes = (requestId: string, linkId: string, state: string) =>
  until(async () => (await stateOf(api, requestId, linkId)) === state);

test('of 100 who use one link at once, by two servers, one gets the archive, whole; the others are told the same as of no link', async () => {
  const servers = [await served(), await served()];
  const { id, bytes } = await ready(randomBytes(3_000_000));
  const link = await linkTo(api, id);
  const nowhere = `/download/${randomBytes(32).toString('base64url')}`;
  const told = async (answer: IncomingMessage) => {
    const body = await bytesOf(answer);
    const { 'x-request-id': call, date, ...headers } = answer.headers;
    expect([call, date]).toEqual([expect.any(String), expect.any(String)]);
    return { status: answer.statusCode, headers, body };
  };
  const unknown = await told(await press(await served(), nowhere));
  expect(unknown.status).toBe(404);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const server = servers[n % 2];
      if (server === undefined) throw new Error('there are two');
      return told(await press(server, link.path));
    }),
  );
  const [got, ...more] = answers.filter(({ status }) => status === 200);
  expect(more.map(({ body }) => body.length)).toEqual([]);
  expect(got?.body.equals(bytes)).toBe(true);
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
  await becomes(id, link.id, 'used');
  const used = await told(await press(await served(), link.path));
  expect(used).toEqual(unknown);
  const audit = await api.database`SELECT action, actor, detail FROM lethe.audit_events
    WHERE request_id = ${id} AND action LIKE 'link.%' ORDER BY id`;
  expect([...audit]).toEqual([
    { action: 'link.made', actor: api.owner.memberId, detail: { link: link.id } },
    { action: 'link.used', actor: 'lethe', detail: { link: link.id } },
  ]);
});

test('a download that breaks off in the middle leaves the link as it was, and the next one succeeds', async () => {
  const [one, other] = [await served(), await served()];
  const { id, bytes } = await ready(LARGE);
  const link = await linkTo(api, id);
  const broken = await press(one, link.path);
  expect(broken.statusCode).toBe(200);
  await once(broken, 'readable');
  broken.pause();
  expect(await stateOf(api, id, link.id)).toBe('downloading');
  const meanwhile = await press(other, link.path);
  expect(meanwhile.statusCode).toBe(404);
  meanwhile.resume();
  broken.destroy();
  await becomes(id, link.id, 'open');
  const whole = await press(other, link.path);
  expect(whole.statusCode).toBe(200);
  expect((await bytesOf(whole)).equals(bytes)).toBe(true);
  await becomes(id, link.id, 'used');
  const used = await api.database`SELECT FROM lethe.audit_events WHERE request_id = ${id} AND action = 'link.used'`;
  expect(used).toHaveLength(1);
});

test.each([
  ['its link is revoked', async (id: string, link: string) => api.call('DELETE', `/v1/requests/${id}/links/${link}`)],
  ['its archive is destroyed', async (id: string) => api.call('DELETE', `/v1/requests/${id}/archive`)],
])('a download is cut when %s, and never looks whole', async (_, end) => {
  const server = await served(50);
  const { id } = await ready(LARGE);
  const link = await linkTo(api, id);
  const answer = await press(server, link.path);
  await once(answer, 'readable');
  // Signs of life alone do not cut it.
  await sleep(200);
  expect(await stateOf(api, id, link.id)).toBe('downloading');
  expect((await end(id, link.id)).status).toBe(204);
  await expect(bytesOf(answer)).rejects.toThrow('aborted');
  const again = await press(server, link.path);
  expect(again.statusCode).toBe(404);
  again.resume();
  const [row] = await api.database`SELECT used_at, transfer FROM lethe.links WHERE id = ${link.id}`;
  expect(row).toEqual({ usedAt: null, transfer: null });
});

test('a server that is told to end lets a download come to its end, and says that it was used', async () => {
  const server = await served();
  const { id, bytes } = await ready(LARGE);
  const link = await linkTo(api, id);
  const answer = await press(server, link.path);
  await once(answer, 'readable');
  answer.pause();
  const drained = server.drain();
  await sleep(700);
  expect(await stateOf(api, id, link.id)).toBe('downloading');
  expect((await bytesOf(answer)).equals(bytes)).toBe(true);
  await drained;
  await becomes(id, link.id, 'used');
});
