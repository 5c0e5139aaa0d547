import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../domain/calendar.ts';
import { downloadUrl } from '../../../domain/archive.ts';
import { archives } from '../../support/archives.ts';
import { submitExport, exportOf, createLink, makeReady, linkStateOf } from './exports.ts';
import { type Answer, bearerOf, deletionOf, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const ready = async () =>
  (await makeReady(api, storage, await submitExport(api, [user('u-1')]), Buffer.from('zip'))).id;
const at = (ms: number) => new Date(START.getTime() + ms);
const events = async (id: string) => [
  ...(await api.sql`SELECT action, actor, detail FROM lethe.audit_events WHERE request_id = ${id} AND action LIKE 'link.%' ORDER BY id`),
];

test('returns the token of a link once and stores only its digest', async () => {
  const id = await ready();
  const made = await api.call('POST', `/v1/requests/${id}/links`, { expiresIn: 3_600 });
  const link = textOf(made, 'id');
  const url = textOf(made, 'url');
  expect(made.headers.get('Location')).toBe(`/v1/requests/${id}/links/${link}`);
  expect(url).toMatch(/^https:\/\/lethe\.test\/download\/[A-Za-z0-9_-]{43}$/);
  expect(made.json).toMatchObject({ expiresAt: at(HOUR_MS).toISOString() });
  const token = url.slice(url.lastIndexOf('/') + 1);
  const listed = await api.call('GET', `/v1/requests/${id}/links`);
  expect(listed.json).toEqual({
    items: [
      {
        id: link,
        state: 'open',
        createdAt: START.toISOString(),
        createdBy: api.owner.memberId,
        expiresAt: at(HOUR_MS).toISOString(),
        revokedAt: null,
        usedAt: null,
      },
    ],
    nextCursor: null,
  });
  const [row] = await api.sql`SELECT sha256, links::text AS text FROM lethe.links WHERE id = ${link}`;
  expect(row?.['sha256']).toEqual(createHash('sha256').update(token).digest());
  expect(row?.['text']).not.toContain(token);
  expect(await events(id)).toEqual([{ action: 'link.made', actor: api.owner.memberId, detail: { link } }]);
  expect([listed.text, api.log.join('')].join('')).not.toContain(token);
  const elsewhere = await api.call('GET', '/v1/activity');
  expect(elsewhere.text).toContain(link);
  expect(elsewhere.text).not.toContain(token);
});

test('limits the expiry of a link to seven days and to the expiry of its archive', async () => {
  const id = await ready();
  const expiryOf = (answer: Answer) => textOf(answer, 'expiresAt');
  const make = (body: object = {}) => api.call('POST', `/v1/requests/${id}/links`, body);
  expect(expiryOf(await make())).toBe(at(7 * DAY_MS).toISOString());
  api.clock.now = at(6 * DAY_MS);
  expect(expiryOf(await make({ expiresIn: 2 * 86_400 }))).toBe(at(7 * DAY_MS).toISOString());
  await api.sql`UPDATE lethe.archives SET expires_at = ${at(90 * DAY_MS)} WHERE request_id = ${id}`;
  expect(expiryOf(await make())).toBe(at(13 * DAY_MS).toISOString());
  for (const expiresIn of [604_801, 59, 0, -1, 1.5, '60', null])
    expect((await make({ expiresIn })).json).toMatchObject({ status: 422, code: 'invalid_request' });
  api.clock.now = START;
  const longer = api.sql`UPDATE lethe.links SET expires_at = created_at + interval '7 days 1 second' WHERE request_id = ${id}`;
  await expect(longer).rejects.toThrow('links_expires_at_check');
});

test('creates a link only while the archive is available', async () => {
  const id = await submitExport(api, [user('u-1')]);
  const make = () => api.call('POST', `/v1/requests/${id}/links`, {});
  expect((await make()).json).toMatchObject({ status: 409, code: 'archive_not_ready' });
  await makeReady(api, storage, id, Buffer.from('zip'));
  const link = await createLink(api, id);
  api.clock.now = at(7 * DAY_MS);
  expect((await make()).json).toMatchObject({ code: 'archive_not_ready' });
  expect(await linkStateOf(api, id, link.id)).toBe('expired');
  api.clock.now = START;
  expect(await linkStateOf(api, id, link.id)).toBe('open');
  await api.call('DELETE', `/v1/requests/${id}/archive`);
  expect((await make()).json).toMatchObject({ code: 'archive_not_ready' });
  expect(await linkStateOf(api, id, link.id)).toBe('expired');
  expect(await api.sql`SELECT FROM lethe.links WHERE request_id = ${id}`).toHaveLength(1);
});

test('revokes a link idempotently and only below its own request', async () => {
  const [id, other] = [await ready(), await ready()];
  const [link, kept] = [await createLink(api, id), await createLink(api, id)];
  const revoke = (request: string, of: string) => api.call('DELETE', `/v1/requests/${request}/links/${of}`);
  expect((await revoke(other, link.id)).json).toMatchObject({ status: 404, code: 'link_not_found' });
  expect((await revoke(id, 'link_canary')).json).toMatchObject({ code: 'link_not_found' });
  expect(await linkStateOf(api, id, link.id)).toBe('open');
  api.clock.now = at(MINUTE_MS);
  expect([(await revoke(id, link.id)).status, (await revoke(id, link.id)).status]).toEqual([204, 204]);
  api.clock.now = START;
  const [row] = await api.sql`SELECT revoked_at, revoked_by FROM lethe.links WHERE id = ${link.id}`;
  expect(row).toEqual({ revokedAt: at(MINUTE_MS), revokedBy: api.owner.memberId });
  expect([await linkStateOf(api, id, link.id), await linkStateOf(api, id, kept.id)]).toEqual(['revoked', 'open']);
  expect((await events(id)).at(-1)).toEqual({
    action: 'link.revoked',
    actor: api.owner.memberId,
    detail: { link: link.id },
  });
  expect(await events(id)).toHaveLength(3);
});

test('lists links in pages, newest first and each once', async () => {
  const id = await ready();
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    api.clock.now = at(n);
    made.unshift((await createLink(api, id)).id);
  }
  api.clock.now = START;
  const seen: string[] = [];
  let query = '?limit=2';
  for (let pages = 0; pages < 4; pages += 1) {
    const page = await api.call('GET', `/v1/requests/${id}/links${query}`);
    const { items, nextCursor } = page.json as { items: { id: string }[]; nextCursor: string | null };
    seen.push(...items.map((one) => one.id));
    if (nextCursor === null) break;
    query = `?limit=2&cursor=${nextCursor}`;
  }
  expect(seen).toEqual(made);
  expect((await api.call('GET', `/v1/requests/${id}/links?cursor=canary`)).status).toBe(422);
});

test('lets only an owner create links to an export of everyone, and revokes them when the member is removed', async () => {
  const admin = await api.member('an admin', { role: 'admin' });
  const leaving = await api.member('leaving');
  const everyone = { ...exportOf([]), subjects: { kind: 'user', everyone: true } };
  const all = textOf(await api.call('POST', '/v1/requests', everyone), 'id');
  await makeReady(api, storage, all, Buffer.from('zip'));
  const make = (id: string, by: { token: string }) => api.call('POST', `/v1/requests/${id}/links`, {}, bearerOf(by));
  expect((await make(all, admin)).json).toMatchObject({ status: 403, needs: ['owner'] });
  const left = textOf(await make(all, leaving), 'id');
  const kept = textOf(await make(all, api.owner), 'id');
  expect((await make(await ready(), admin)).status).toBe(201);
  expect((await api.call('DELETE', `/v1/members/${leaving.memberId}`)).status).toBe(204);
  expect([await linkStateOf(api, all, left), await linkStateOf(api, all, kept)]).toEqual(['revoked', 'open']);
});

test('lets only an owner create links to the backup of a deletion of everyone', async () => {
  const admin = await api.member('another admin', { role: 'admin' });
  const everyone = { ...deletionOf([]), subjects: { kind: 'user', everyone: true }, confirm: true, exportFirst: true };
  const deletion = textOf(await api.call('POST', '/v1/requests', everyone), 'id');
  const backup = await submitExport(api, [user('u-1')]);
  await api.sql`UPDATE lethe.requests SET backup_of = ${deletion} WHERE id = ${backup}`;
  await makeReady(api, storage, backup, Buffer.from('zip'));
  const make = (by: { token: string }) => api.call('POST', `/v1/requests/${backup}/links`, {}, bearerOf(by));
  expect((await make(admin)).json).toMatchObject({ status: 403, needs: ['owner'] });
  expect((await make(api.owner)).status).toBe(201);
});

test.each([
  ['https://lethe.test', 'https://lethe.test/download/t'],
  ['https://lethe.test:8443', 'https://lethe.test:8443/download/t'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/download/t'],
])('returns links below the public URL %s as %s', (publicUrl, url) => {
  expect(downloadUrl(new URL(publicUrl), 't')).toBe(url);
});
