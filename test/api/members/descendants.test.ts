import { expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { exportOf } from '../exports/exports.ts';
import { type Answer, type By, bearerOf, START, testApi, textOf } from '../support/api.ts';

const api = await testApi();
const ann = await api.member('ann');

const call = (by: By, method: string, path: string, body?: unknown) => api.call(method, path, body, bearerOf(by));
const after = (days: number) => new Date(START.getTime() + days * DAY_MS).toISOString();
async function mint(by: By, more: object = {}) {
  const answer = await call(by, 'POST', '/v1/tokens', { name: 'job', ...more });
  return { id: textOf(answer, 'id'), token: textOf(answer, 'token'), expiresAt: textOf(answer, 'expiresAt') };
}
const revoke = async (by: By, id: string, query = '') => (await call(by, 'DELETE', `/v1/tokens/${id}${query}`)).json;
const active = async () =>
  (await api.sql<{ id: string }[]>`SELECT id FROM lethe.tokens WHERE revoked_at IS NULL ORDER BY id`).map(
    ({ id }) => id,
  );

test('creates no token that outlives the token that creates it', async () => {
  const short = await mint(ann, { expiresAt: after(10) });
  expect((await mint(short)).expiresAt).toBe(after(10));
  const before = await active();
  for (const expiresAt of [after(11), after(365)])
    expect((await call(short, 'POST', '/v1/tokens', { name: 'job', expiresAt })).json).toMatchObject({
      status: 422,
      errors: [{ pointer: '/expiresAt', code: 'out_of_range' }],
    });
  expect(await active()).toEqual(before);
  const added = await call(short, 'POST', '/v1/members', { name: 'bob', role: 'admin' });
  expect(added.json).toMatchObject({ token: { expiresAt: after(10), mintedBy: short.id } });
});

test('lets the token that an operator created for an owner create tokens for a year at any time', async () => {
  api.clock.now = new Date(after(300));
  expect((await mint(ann)).expiresAt).toBe(after(665));
  const bob = await api.member('an admin', { role: 'admin' });
  api.clock.now = new Date(after(310));
  expect((await mint(bob)).expiresAt).toBe(after(665));
  api.clock.now = START;
});

test('counts the valid descendants of a revoked token and revokes them on request', async () => {
  const parent = await mint(ann);
  const child = await mint(parent);
  const grandchild = await mint(child);
  const revoked = await mint(child);
  await revoke(ann, revoked.id);
  const bystander = await mint(ann);
  expect(await revoke(ann, parent.id)).toEqual({ revoked: 1, activeDescendants: 2 });
  expect(await active()).toEqual(expect.arrayContaining([child.id, grandchild.id, bystander.id]));
  const listed = (await call(ann, 'GET', '/v1/tokens')).json as { items: { id: string; mintedBy: string | null }[] };
  expect(new Map(listed.items.map((one) => [one.id, one.mintedBy])).get(grandchild.id)).toBe(child.id);
  expect(await revoke(ann, parent.id, '?descendants=true')).toEqual({ revoked: 2, activeDescendants: 0 });
  const left = await active();
  for (const { id } of [parent, child, grandchild, revoked]) expect(left).not.toContain(id);
  expect(left).toContain(bystander.id);
  expect((await call(grandchild, 'GET', '/v1/tokens')).status).toBe(401);
});

const refused = ({ json }: Answer, needs: string[]) => {
  expect(json).toMatchObject({ status: 403, code: 'forbidden', needs });
};

test('lets a limited token revoke and remove only what it could create', async () => {
  const full = await mint(ann);
  const [exporting, admin, short] = [
    await mint(ann, { kinds: ['export'] }),
    await mint(ann, { role: 'admin' }),
    await mint(ann, { expiresAt: after(1) }),
  ];
  const victim = await call(ann, 'POST', '/v1/members', { name: 'victim', role: 'owner' });
  const before = await active();
  refused(await call(exporting, 'DELETE', `/v1/tokens/${full.id}`), ['deletion']);
  refused(await call(admin, 'DELETE', `/v1/tokens/${full.id}`), ['owner']);
  refused(await call(short, 'DELETE', `/v1/tokens/${full.id}`), ['expiry']);
  refused(await call(exporting, 'DELETE', `/v1/members/${textOf(victim, 'id')}`), ['deletion']);
  refused(await call(short, 'DELETE', `/v1/members/${textOf(victim, 'id')}`), ['expiry']);
  expect(await active()).toEqual(before);
  const lesser = await mint(exporting);
  expect(await revoke(exporting, lesser.id)).toEqual({ revoked: 1, activeDescendants: 0 });
  for (const own of [exporting, admin, short]) expect(await revoke(own, own.id)).toMatchObject({ revoked: 1 });
  expect((await call(full, 'DELETE', `/v1/members/${textOf(victim, 'id')}`)).status).toBe(204);
});

test('requires an owner to revoke a link to an export of everyone', async () => {
  const all = { ...exportOf([]), subjects: { kind: 'user', everyone: true } };
  const id = textOf(await call(ann, 'POST', '/v1/requests', all), 'id');
  const admin = await mint(ann, { role: 'admin' });
  const path = `/v1/requests/${id}/links/link_${'0'.repeat(32)}`;
  refused(await call(admin, 'DELETE', path), ['owner']);
  expect((await call(ann, 'DELETE', path)).json).toMatchObject({ code: 'link_not_found' });
});
