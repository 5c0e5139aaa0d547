import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { MINUTE_MS } from '../../../domain/calendar.ts';
import { archiveFolder } from '../../support/archives.ts';
import { acceptedExport, linkTo, makeReady, stateOf } from './exports.ts';
import { START, testApi, user } from '../support/api.ts';

const folder = archiveFolder();
const storage = folderStorage(folder);
const api = await testApi({ storage });
const ready = async (bytes?: Buffer) => makeReady(api, storage, await acceptedExport(api, [user('u-1')]), bytes);
const unknown = () => `/download/${randomBytes(32).toString('base64url')}`;
const at = (ms: number) => new Date(START.getTime() + ms);

beforeEach(() => {
  api.clock.now = START;
  api.peer.remoteAddress = '127.0.0.1';
});

/** As a browser calls: without a token, and with nothing of the API's in its headers. */
async function call(method: string, path: string, headers: Record<string, string> = {}) {
  const answer = await api.app.request(path, { method, headers }, { incoming: { socket: api.peer } });
  const told = Object.fromEntries(answer.headers);
  const { 'x-request-id': own, ...rest } = told;
  expect(own).toMatch(/^[0-9a-f-]{36}$/);
  return { status: answer.status, headers: rest, body: answer };
}
const textOf = async (method: string, path: string, headers: Record<string, string> = {}) => {
  const { status, headers: told, body } = await call(method, path, headers);
  return { status, headers: told, text: await body.text() };
};
const bytesOf = async (path: string) => {
  const { status, body } = await call('POST', path);
  return { status, bytes: Buffer.from(await body.arrayBuffer()) };
};
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let times = 0; times < 200; times += 1, await new Promise((soon) => setTimeout(soon, 20)))
    if (await holds()) return;
  throw new Error('never');
}

test('following a link shows one and the same page whatever the link is worth, asks the ledger nothing, and uses nothing up', async () => {
  const { id, bytes } = await ready();
  const link = await linkTo(api, id);
  const used = await linkTo(api, id);
  expect((await bytesOf(used.path)).bytes.equals(bytes)).toBe(true);
  expect(await stateOf(api, id, used.id)).toBe('used');
  api.statements();
  const page = await textOf('GET', link.path);
  for (const path of [used.path, unknown(), '/download/canary', '/download/%00', `/download/${'x'.repeat(2_000)}`])
    expect(await textOf('GET', path)).toEqual(page);
  for (let n = 0; n < 5; n += 1) await textOf('GET', link.path, { Range: 'bytes=0-10', 'User-Agent': 'scanner' });
  const head = await textOf('HEAD', link.path);
  expect([head.status, head.headers, head.text]).toEqual([200, page.headers, '']);
  expect(api.statements()).toEqual([]);
  expect(await stateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
});

test('the page runs nothing, loads nothing, may only call itself, and is kept by nobody', async () => {
  const { status, headers, text } = await textOf('GET', unknown());
  expect(status).toBe(200);
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(text) ?? [];
  const sha256 = createHash('sha256').update(style).digest('base64');
  expect(headers['content-security-policy']).toBe(
    `default-src 'none'; style-src 'sha256-${sha256}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  );
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=UTF-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-robots-tag': 'noindex, nofollow',
    'x-content-type-options': 'nosniff',
  });
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">/);
  expect(text).toContain('<form method="post"><button>');
  expect(text).not.toMatch(/<script|<img|<link|src=|href=|action=|url\(|@import/i);
});

test('the button downloads a ZIP under a name of ours', async () => {
  const { id, bytes } = await ready();
  const { path, id: link } = await linkTo(api, id);
  const { status, headers, body } = await call('POST', path, { Range: 'bytes=0-10' });
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'application/zip',
    'content-length': String(bytes.length),
    'content-disposition': `attachment; filename="lethe-export-${id.slice(-8)}.zip"`,
    'accept-ranges': 'none',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-robots-tag': 'noindex, nofollow',
  });
  expect(Buffer.from(await body.arrayBuffer()).equals(bytes)).toBe(true);
  expect(await stateOf(api, id, link)).toBe('used');
});

test('a link that is used, in use, revoked, expired, unknown or none at all, or whose archive is gone: the same answer', async () => {
  const nothing = await textOf('POST', unknown());
  expect(nothing.status).toBe(404);
  expect(nothing.headers['content-type']).toBe('text/html; charset=UTF-8');
  const { id } = await ready();
  const [used, busy, revoked, expired] = [
    await linkTo(api, id),
    await linkTo(api, id),
    await linkTo(api, id),
    await linkTo(api, id, { expiresIn: 60 }),
  ];
  await bytesOf(used.path);
  const under = await call('POST', busy.path);
  expect(under.status).toBe(200);
  await api.call('DELETE', `/v1/requests/${id}/links/${revoked.id}`);
  for (const { path } of [used, busy, revoked]) expect(await textOf('POST', path)).toEqual(nothing);
  api.clock.now = at(MINUTE_MS);
  expect(await textOf('POST', expired.path)).toEqual(nothing);
  await under.body.body?.cancel();

  const [keyless, destroyed, past] = [await ready(), await ready(), await ready()];
  const links = [await linkTo(api, keyless.id), await linkTo(api, destroyed.id), await linkTo(api, past.id)];
  await api.sql`DELETE FROM lethe.archive_keys WHERE request_id = ${keyless.id}`;
  await api.call('DELETE', `/v1/requests/${destroyed.id}/archive`);
  await api.sql`UPDATE lethe.archives SET expires_at = ${api.clock.now} WHERE request_id = ${past.id}`;
  for (const { path } of links) expect(await textOf('POST', path)).toEqual(nothing);
  // The file lies there still; without its key it is nothing that could be had.
  expect((await stat(join(folder, keyless.object))).size).toBeGreaterThan(keyless.bytes.length);

  api.statements();
  for (const path of [
    '/download/canary',
    `/download/${'A'.repeat(44)}`,
    `/download/${'A'.repeat(42)}=`,
    '/download/%C3%A9',
  ])
    expect(await textOf('POST', path)).toEqual(nothing);
  expect(api.statements()).toEqual([]);
});

test.each([
  [true, 'used'],
  [false, 'open'],
])('all of it handed over, and the connection ended after it had left: %s. The link is %s', async (left, state) => {
  const { id } = await ready();
  const link = await linkTo(api, id);
  const outgoing = Object.assign(new EventEmitter(), { destroyed: false, writableFinished: false });
  const env = { incoming: { socket: api.peer }, outgoing: outgoing as unknown as ServerResponse };
  const answer = await api.app.request(link.path, { method: 'POST' }, env);
  await answer.arrayBuffer();
  expect(await stateOf(api, id, link.id)).toBe('downloading');
  outgoing.writableFinished = left;
  outgoing.emit('close');
  await until(async () => (await stateOf(api, id, link.id)) === state);
});

test('a download that its process did not end holds the link for two minutes of silence, and no longer', async () => {
  const { id, bytes } = await ready();
  const link = await linkTo(api, id);
  await api.sql`UPDATE lethe.links SET transfer = 'killed', lease_renewed_at = ${START} WHERE id = ${link.id}`;
  api.clock.now = at(2 * MINUTE_MS - 1);
  expect((await bytesOf(link.path)).status).toBe(404);
  expect(await stateOf(api, id, link.id)).toBe('downloading');
  api.clock.now = at(2 * MINUTE_MS);
  expect(await stateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
  expect(await stateOf(api, id, link.id)).toBe('used');
});

test('an archive that cannot be reached leaves the link as it was, and says to come again', async () => {
  const { id, object, bytes } = await ready();
  const link = await linkTo(api, id);
  const away = await testApi({ url: api.url, storage: folderStorage(join(folder, 'elsewhere')) });
  const answer = await away.app.request(link.path, { method: 'POST' }, { incoming: { socket: api.peer } });
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '60']);
  expect(await answer.text()).toContain('<form method="post">');
  expect(away.log.join('')).toContain('"code":"missing"');
  expect(away.log.join('')).not.toContain(object);
  expect(await stateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
});

test.each([
  ['that was cut short', 1_000, -20_000],
  ['whose last byte is another', 0, -1],
])('an archive %s is never handed over as if whole, and its link is not used', async (_, cut, changed) => {
  const { id, object, bytes } = await ready(randomBytes(300_000));
  const file = await open(join(folder, object), 'r+');
  const { size } = await file.stat();
  if (cut > 0) await file.truncate(size - cut);
  else {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size + changed);
    await file.write(
      buffer.map((byte) => byte ^ 1),
      0,
      1,
      size + changed,
    );
  }
  await file.close();
  const link = await linkTo(api, id);
  const { status, body } = await call('POST', link.path);
  expect(status).toBe(200);
  const received: Uint8Array[] = [];
  const reading = (async () => {
    const stream: AsyncIterable<Uint8Array> = body.body ?? ReadableStream.from([]);
    for await (const piece of stream) received.push(piece);
  })();
  await expect(reading).rejects.toThrow('the download was aborted');
  expect(Buffer.concat(received).length).toBeLessThan(bytes.length);
  await until(async () => (await stateOf(api, id, link.id)) === 'open');
  expect(api.log.join('')).toContain('"code":"damaged"');
});

test('what comes over a network in clear is refused, the page too', async () => {
  const { id } = await ready();
  const link = await linkTo(api, id);
  api.peer.remoteAddress = '192.0.2.7';
  api.statements();
  for (const method of ['GET', 'POST']) {
    const answer = await textOf(method, link.path);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { code: 'https_required' }]);
  }
  expect(api.statements()).toEqual([]);
  api.peer.remoteAddress = '127.0.0.1';
  expect(await stateOf(api, id, link.id)).toBe('open');
});

test('no token reaches the log, whatever became of the call', async () => {
  const { id } = await ready();
  const link = await linkTo(api, id);
  const token = link.path.slice('/download/'.length);
  api.log.splice(0);
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) await textOf(method, link.path);
  for (const path of [
    `${link.path}/`,
    `${link.path}/x`,
    `${link.path}?q=${token}`,
    `/v1/${token}`,
    `/download/x/${token}`,
  ])
    for (const method of ['GET', 'POST']) await textOf(method, path);
  await bytesOf(link.path);
  await textOf('POST', link.path);
  // A ledger that does not answer, and an error that nobody expected.
  const gone = await testApi({ url: api.url, storage });
  await gone.sql.end({ timeout: 0 });
  expect((await gone.app.request(link.path, { method: 'POST' }, { incoming: { socket: api.peer } })).status).toBe(503);
  const broken = await linkTo(api, id);
  await api.sql`UPDATE lethe.archive_keys SET digest_key = 'nobody' WHERE request_id = ${id}`;
  expect((await textOf('POST', broken.path)).status).toBe(500);
  expect(await stateOf(api, id, broken.id)).toBe('open');
  const log = [...api.log, ...gone.log];
  expect(log.filter((line) => line.includes('"route":"/download/:token"')).length).toBeGreaterThan(5);
  for (const secret of [token, broken.path.slice('/download/'.length)]) expect(log.join('')).not.toContain(secret);
  expect(log.join('')).toContain('"download completed"');
});
