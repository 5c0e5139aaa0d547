import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { MINUTE_MS } from '../../../domain/calendar.ts';
import { archiveFolder } from '../../support/archives.ts';
import { submitExport, createLink, makeReady, linkStateOf } from './exports.ts';
import { START, testApi, user } from '../support/api.ts';

const folder = archiveFolder();
const storage = folderStorage(folder);
const api = await testApi({ storage });
const ready = async (bytes?: Buffer) => makeReady(api, storage, await submitExport(api, [user('u-1')]), bytes);
const unknown = () => `/download/${randomBytes(32).toString('base64url')}`;
const at = (ms: number) => new Date(START.getTime() + ms);

beforeEach(() => {
  api.clock.now = START;
  api.peer.remoteAddress = '127.0.0.1';
});

/** Calls as a browser does: without a bearer token and without headers of the API. */
async function call(method: string, path: string, headers: Record<string, string> = {}) {
  const answer = await api.app.request(path, { method, headers }, { incoming: { socket: api.peer } });
  const { 'x-request-id': callId, ...rest } = Object.fromEntries(answer.headers);
  expect(callId).toMatch(/^[0-9a-f-]{36}$/);
  return { status: answer.status, headers: rest, body: answer };
}
const textOf = async (method: string, path: string, headers: Record<string, string> = {}) => {
  const { status, headers: received, body } = await call(method, path, headers);
  return { status, headers: received, text: await body.text() };
};
const bytesOf = async (path: string) => {
  const { status, body } = await call('POST', path);
  return { status, bytes: Buffer.from(await body.arrayBuffer()) };
};
async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let times = 0; times < 200; times += 1, await new Promise((resolve) => setTimeout(resolve, 20)))
    if (await holds()) return;
  throw new Error('the condition was not met in time');
}

test('shows the same page for every link without a query and without consuming the link', async () => {
  const { id, bytes } = await ready();
  const link = await createLink(api, id);
  const used = await createLink(api, id);
  expect((await bytesOf(used.path)).bytes.equals(bytes)).toBe(true);
  expect(await linkStateOf(api, id, used.id)).toBe('used');
  api.statements();
  const page = await textOf('GET', link.path);
  for (const path of [used.path, unknown(), '/download/canary', '/download/%00', `/download/${'x'.repeat(2_000)}`])
    expect(await textOf('GET', path)).toEqual(page);
  for (let n = 0; n < 5; n += 1) await textOf('GET', link.path, { Range: 'bytes=0-10', 'User-Agent': 'scanner' });
  const head = await textOf('HEAD', link.path);
  expect([head.status, head.headers, head.text]).toEqual([200, page.headers, '']);
  expect(api.statements()).toEqual([]);
  expect(await linkStateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
});

test('serves a page that loads nothing, runs no script, posts only to itself and is not cached', async () => {
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

test('downloads a ZIP file with a generated name when the button is pressed', async () => {
  const { id, bytes } = await ready();
  const { path, id: link } = await createLink(api, id);
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
  expect(await linkStateOf(api, id, link)).toBe('used');
});

test('returns the same 404 page for every link that cannot be used', async () => {
  const unusable = await textOf('POST', unknown());
  expect(unusable.status).toBe(404);
  expect(unusable.headers['content-type']).toBe('text/html; charset=UTF-8');
  const { id } = await ready();
  const [used, busy, revoked, expired] = [
    await createLink(api, id),
    await createLink(api, id),
    await createLink(api, id),
    await createLink(api, id, { expiresIn: 60 }),
  ];
  await bytesOf(used.path);
  const running = await call('POST', busy.path);
  expect(running.status).toBe(200);
  await api.call('DELETE', `/v1/requests/${id}/links/${revoked.id}`);
  for (const { path } of [used, busy, revoked]) expect(await textOf('POST', path)).toEqual(unusable);
  api.clock.now = at(MINUTE_MS);
  expect(await textOf('POST', expired.path)).toEqual(unusable);
  await running.body.body?.cancel();

  const [keyless, destroyed, past] = [await ready(), await ready(), await ready()];
  const links = [
    await createLink(api, keyless.id),
    await createLink(api, destroyed.id),
    await createLink(api, past.id),
  ];
  await api.sql`DELETE FROM lethe.archive_keys WHERE request_id = ${keyless.id}`;
  await api.call('DELETE', `/v1/requests/${destroyed.id}/archive`);
  await api.sql`UPDATE lethe.archives SET expires_at = ${api.clock.now} WHERE request_id = ${past.id}`;
  for (const { path } of links) expect(await textOf('POST', path)).toEqual(unusable);
  // The file is still in the storage, but cannot be decrypted without its key.
  expect((await stat(join(folder, keyless.object))).size).toBeGreaterThan(200_000);

  api.statements();
  for (const path of [
    '/download/canary',
    `/download/${'A'.repeat(44)}`,
    `/download/${'A'.repeat(42)}=`,
    '/download/%C3%A9',
  ])
    expect(await textOf('POST', path)).toEqual(unusable);
  expect(api.statements()).toEqual([]);
});

test.each([
  ['used', 'sent completely', true],
  ['open', 'interrupted', false],
])('marks the link as %s when the response was %s', async (state, _, sent) => {
  const { id } = await ready();
  const link = await createLink(api, id);
  const outgoing = Object.assign(new EventEmitter(), { destroyed: false, writableFinished: false });
  const env = { incoming: { socket: api.peer }, outgoing: outgoing as unknown as ServerResponse };
  const answer = await api.app.request(link.path, { method: 'POST' }, env);
  await answer.arrayBuffer();
  expect(await linkStateOf(api, id, link.id)).toBe('downloading');
  outgoing.writableFinished = sent;
  outgoing.emit('close');
  await waitUntil(async () => (await linkStateOf(api, id, link.id)) === state);
});

test('opens the link again two minutes after the last lease renewal of a killed process', async () => {
  const { id, bytes } = await ready();
  const link = await createLink(api, id);
  await api.sql`UPDATE lethe.links SET transfer = 'killed', lease_renewed_at = ${START} WHERE id = ${link.id}`;
  api.clock.now = at(2 * MINUTE_MS - 1);
  expect((await bytesOf(link.path)).status).toBe(404);
  expect(await linkStateOf(api, id, link.id)).toBe('downloading');
  api.clock.now = at(2 * MINUTE_MS);
  expect(await linkStateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
  expect(await linkStateOf(api, id, link.id)).toBe('used');
});

test('returns 503 with Retry-After and keeps the link open when the archive is unavailable', async () => {
  const { id, object, bytes } = await ready();
  const link = await createLink(api, id);
  const withoutArchive = await testApi({ url: api.url, storage: folderStorage(join(folder, 'elsewhere')) });
  const answer = await withoutArchive.app.request(link.path, { method: 'POST' }, { incoming: { socket: api.peer } });
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '60']);
  expect(await answer.text()).toContain('<form method="post">');
  expect(withoutArchive.log.join('')).toContain('"code":"missing"');
  expect(withoutArchive.log.join('')).not.toContain(object);
  expect(await linkStateOf(api, id, link.id)).toBe('open');
  expect((await bytesOf(link.path)).bytes.equals(bytes)).toBe(true);
});

test.each([
  ['is truncated', 1_000, -20_000],
  ['has a changed last byte', 0, -1],
])('aborts the download and keeps the link open when the archive %s', async (_, cut, changed) => {
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
  const link = await createLink(api, id);
  const { status, body } = await call('POST', link.path);
  expect(status).toBe(200);
  const received: Uint8Array[] = [];
  const reading = (async () => {
    const stream: AsyncIterable<Uint8Array> = body.body ?? ReadableStream.from([]);
    for await (const piece of stream) received.push(piece);
  })();
  await expect(reading).rejects.toThrow('the download was aborted');
  expect(Buffer.concat(received).length).toBeLessThan(bytes.length);
  await waitUntil(async () => (await linkStateOf(api, id, link.id)) === 'open');
  expect(api.log.join('')).toContain('"code":"damaged"');
});

test('rejects plain HTTP from another machine for the page and the download', async () => {
  const { id } = await ready();
  const link = await createLink(api, id);
  api.peer.remoteAddress = '192.0.2.7';
  api.statements();
  for (const method of ['GET', 'POST']) {
    const answer = await textOf(method, link.path);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { code: 'https_required' }]);
  }
  expect(api.statements()).toEqual([]);
  api.peer.remoteAddress = '127.0.0.1';
  expect(await linkStateOf(api, id, link.id)).toBe('open');
});

test('does not log the token of a link for any outcome of the call', async () => {
  const { id } = await ready();
  const link = await createLink(api, id);
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
  // A database outage, and an unexpected error.
  const offline = await testApi({ url: api.url, storage });
  await offline.sql.end({ timeout: 0 });
  expect((await offline.app.request(link.path, { method: 'POST' }, { incoming: { socket: api.peer } })).status).toBe(
    503,
  );
  const broken = await createLink(api, id);
  await api.sql`UPDATE lethe.archive_keys SET digest_key = 'unknown' WHERE request_id = ${id}`;
  expect((await textOf('POST', broken.path)).status).toBe(500);
  expect(await linkStateOf(api, id, broken.id)).toBe('open');
  const log = [...api.log, ...offline.log];
  expect(log.filter((line) => line.includes('"route":"/download/:token"')).length).toBeGreaterThan(5);
  for (const secret of [token, broken.path.slice('/download/'.length)]) expect(log.join('')).not.toContain(secret);
  expect(log.join('')).toContain('"download completed"');
});
