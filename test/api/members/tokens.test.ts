import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { type By, bearerOf, deletionOf, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
const ann = await api.member('ann');
const bob = await api.member('bob', { role: 'admin' });
beforeEach(() => {
  api.clock.now = START;
  api.statements();
});

const call = (by: By, method: string, path: string, body?: unknown) => api.call(method, path, body, bearerOf(by));
const postToken = (by: By, body: object = {}) => call(by, 'POST', '/v1/tokens', { name: 'job', ...body });
const createToken = async (by: By, body: object = {}) => {
  const answer = await postToken(by, body);
  expect(answer.status).toBe(201);
  return { id: textOf(answer, 'id'), token: textOf(answer, 'token'), json: answer.json };
};
const itemsOf = async (by: By, query = '') =>
  ((await call(by, 'GET', `/v1/tokens${query}`)).json as { items: Record<string, unknown>[] }).items;
const afterStart = (ms: number) => new Date(START.getTime() + ms).toISOString();
const events = (...actions: string[]) => api.sql`
  SELECT actor, action, detail FROM lethe.audit_events WHERE action = ANY(${actions}) AND actor <> 'test' ORDER BY id`;
const tokensInTheTable = async () => (await api.sql`SELECT FROM lethe.tokens`).count;

test('creates a working token that expires after a year', async () => {
  const answer = await postToken(ann);
  expect(answer.json).toEqual({
    id: expect.stringMatching(/^tok_[0-9a-f]{32}$/),
    token: expect.stringMatching(/^lethe_[0-9a-f]{64}_[0-9a-f]{8}$/),
    name: 'job',
    role: 'owner',
    kinds: null,
    access: 'write',
    mintedBy: ann.tokenId,
    expiresAt: afterStart(365 * DAY_MS),
  });
  expect(answer.headers.get('Location')).toBe(`/v1/tokens/${textOf(answer, 'id')}`);
  const accepted = await call(textOf(answer, 'token'), 'POST', '/v1/requests', deletionOf([user('u-1')]));
  expect(accepted.status).toBe(202);
  expect((await events('token.minted')).at(-1)).toEqual({
    actor: ann.memberId,
    action: 'token.minted',
    detail: {
      member: ann.memberId,
      token: textOf(answer, 'id'),
      role: 'owner',
      kinds: null,
      readOnly: false,
      mintedBy: ann.tokenId,
    },
  });
});

test('does not create a token with more permissions than the calling token', async () => {
  const lesser = { name: 'reporting', role: 'admin', kinds: ['export', 'export'], access: 'read' };
  const exporting = (await createToken(ann, { kinds: ['export'] })).token;
  const asAdmin = (await createToken(ann, { role: 'admin' })).token;
  const reading = await createToken(ann, lesser);
  expect(reading.json).toMatchObject({ name: 'reporting', role: 'admin', kinds: ['export'], access: 'read' });

  const before = await tokensInTheTable();
  const refused = async (by: By, body: object, needs: string[]) =>
    expect((await postToken(by, body)).json).toMatchObject({ status: 403, code: 'forbidden', needs });
  await refused(bob, { role: 'owner' }, ['owner']);
  await refused(asAdmin, { role: 'owner' }, ['owner']);
  await refused(exporting, { kinds: ['deletion'] }, ['deletion']);
  await refused(exporting, { kinds: ['deletion', 'export'] }, ['deletion']);
  await refused(reading.token, {}, ['write']);
  await refused(reading.token, lesser, ['write']);
  expect(await tokensInTheTable()).toBe(before);

  // Omitted fields are those of the calling token.
  expect((await createToken(bob)).json).toMatchObject({ role: 'admin', kinds: null });
  expect((await createToken(exporting)).json).toMatchObject({ role: 'owner', kinds: ['export'] });
});

test('requires an expiry between now and 365 days', async () => {
  const before = await tokensInTheTable();
  for (const expiresAt of [
    afterStart(0),
    afterStart(-1),
    afterStart(365 * DAY_MS + 1),
    '9999-12-31T00:00:00Z',
    '0000-01-01T00:00:00Z',
  ]) {
    const errors = [{ in: 'body', pointer: '/expiresAt', code: 'out_of_range' }];
    expect((await postToken(ann, { expiresAt })).json).toMatchObject({ status: 422, code: 'invalid_request', errors });
  }
  for (const expiresAt of ['tomorrow', '2026-12-01', '2027-02-30T00:00:00Z', 7, null])
    expect((await postToken(ann, { expiresAt })).json).toMatchObject({
      status: 422,
      errors: [{ pointer: '/expiresAt' }],
    });
  expect(await tokensInTheTable()).toBe(before);

  expect((await createToken(ann, { expiresAt: afterStart(365 * DAY_MS) })).json).toMatchObject({
    expiresAt: afterStart(365 * DAY_MS),
  });
  const short = (await createToken(ann, { expiresAt: afterStart(1_000) })).token;
  api.clock.now = new Date(START.getTime() + 999);
  expect((await call(short, 'GET', '/v1/tokens')).status).toBe(200);
  api.clock.now = new Date(START.getTime() + 1_000);
  const late = await call(short, 'GET', '/v1/tokens');
  expect(late.json).toMatchObject({
    status: 401,
    code: 'unauthorized',
    detail: expect.stringMatching(/^The bearer token has expired\./),
  });
});

test('allows several valid tokens, so that one replaces another without a gap', async () => {
  const [old, next] = [await createToken(bob), await createToken(bob)];
  expect((await call(old.token, 'GET', '/v1/tokens')).status).toBe(200);
  expect((await call(next.token, 'DELETE', `/v1/tokens/${old.id}`)).status).toBe(200);
  expect((await call(old.token, 'GET', '/v1/tokens')).json).toMatchObject({
    status: 401,
    detail: expect.stringMatching(/^The bearer token is revoked\./),
  });
  expect((await call(next.token, 'GET', '/v1/tokens')).status).toBe(200);
});

test('revokes a token idempotently, also by itself', async () => {
  const before = await events('token.revoked');
  const { id, token } = await createToken(bob);
  expect((await call(token, 'DELETE', `/v1/tokens/${id}`)).json).toEqual({ revoked: 1, activeDescendants: 0 });
  expect((await call(token, 'DELETE', `/v1/tokens/${id}`)).status).toBe(401);
  api.clock.now = new Date(START.getTime() + 60_000);
  for (const by of [bob, ann])
    expect((await call(by, 'DELETE', `/v1/tokens/${id}`)).json).toEqual({ revoked: 0, activeDescendants: 0 });
  const [row] = await api.sql`SELECT revoked_at, revoked_by FROM lethe.tokens WHERE id = ${id}`;
  expect(row).toEqual({ revokedAt: START, revokedBy: bob.memberId });
  expect((await events('token.revoked')).slice(before.length)).toEqual([
    { actor: bob.memberId, action: 'token.revoked', detail: { member: bob.memberId, token: id, descendants: 0 } },
  ]);
});

test('lets an owner revoke tokens of every member and an admin only its own', async () => {
  const annToken = await createToken(ann);
  const bobToken = await createToken(bob);
  const asAdmin = await createToken(ann, { role: 'admin' });
  const unknown = await call(bob, 'DELETE', '/v1/tokens/tok_0000000000007000800000000000abcd');
  expect(unknown.json).toMatchObject({ status: 404, code: 'token_not_found' });
  const sameAs = (answer: typeof unknown) =>
    expect({ ...(answer.json as object), instance: '' }).toEqual({ ...(unknown.json as object), instance: '' });
  sameAs(await call(bob, 'DELETE', `/v1/tokens/${annToken.id}`));
  sameAs(await call(bob, 'DELETE', '/v1/tokens/nothing-of-the-kind'));
  // A token with a lower role has fewer permissions than its member.
  sameAs(await call(asAdmin.token, 'DELETE', `/v1/tokens/${bobToken.id}`));
  sameAs(await call(api.otherOwner, 'DELETE', `/v1/tokens/${annToken.id}`));
  for (const { token } of [annToken, bobToken]) expect((await call(token, 'GET', '/v1/tokens')).status).toBe(200);
  expect((await call(ann, 'DELETE', `/v1/tokens/${bobToken.id}`)).status).toBe(200);
  expect((await call(bobToken.token, 'GET', '/v1/tokens')).status).toBe(401);
});

test('lists own tokens, and for an owner those of others, without the token or its digest', async () => {
  const carol = await api.member('carol', { role: 'admin' });
  await itemsOf(carol);
  api.clock.now = new Date(START.getTime() + 1_000);
  const { id, token } = await createToken(carol, { name: 'ci', access: 'read', expiresAt: afterStart(DAY_MS) });
  api.clock.now = new Date(START.getTime() + 5_000);
  await call(carol, 'DELETE', `/v1/tokens/${id}`);
  const items = await itemsOf(carol);
  const first = { id: carol.tokenId, name: 'first', member: carol.memberId, role: 'admin', kinds: null };
  expect(items).toEqual([
    {
      ...first,
      id,
      name: 'ci',
      access: 'read',
      mintedBy: carol.tokenId,
      createdAt: afterStart(1_000),
      expiresAt: afterStart(DAY_MS),
      lastUsedAt: null,
      revokedAt: afterStart(5_000),
    },
    {
      ...first,
      access: 'write',
      mintedBy: null,
      createdAt: afterStart(0),
      expiresAt: afterStart(365 * DAY_MS),
      lastUsedAt: afterStart(0),
      revokedAt: null,
    },
  ]);
  expect(await itemsOf(ann, `?member=${carol.memberId}`)).toEqual(items);
  expect(await itemsOf(carol, `?member=${carol.memberId}`)).toEqual(items);
  const all = await itemsOf(ann, '?member=all');
  expect(new Set(all.map(({ member }) => member))).toEqual(
    new Set([api.owner, ann, bob, carol].map(({ memberId }) => memberId)),
  );
  const texts = JSON.stringify([items, all]);
  for (const secret of [token, carol.token, ann.token])
    for (const shown of [secret, digestOf(secret, 'hex'), digestOf(secret, 'base64')])
      expect(texts).not.toContain(shown);
});

test('rejects the list of other members for an admin and of other projects for an owner', async () => {
  for (const member of ['all', ann.memberId, api.otherOwner.memberId])
    expect((await call(bob, 'GET', `/v1/tokens?member=${member}`)).json).toMatchObject({
      code: 'forbidden',
      needs: ['owner'],
    });
  const unknown = {
    status: 404,
    code: 'member_not_found',
    detail: 'The project has no member with this id. Nothing was changed; check the id.',
  };
  for (const member of [api.otherOwner.memberId, 'mem_0000000000007000800000000000abcd'])
    expect((await call(ann, 'GET', `/v1/tokens?member=${member}`)).json).toMatchObject(unknown);
  for (const query of ['member=ann', 'member=', 'cursor=x', 'limit=0', 'limit=201', 'page=2'])
    expect((await call(ann, 'GET', `/v1/tokens?${query}`)).json).toMatchObject({
      status: 422,
      code: 'invalid_request',
    });
});

test('lists each token once across pages, with a fixed number of statements per page', async () => {
  const dave = await api.member('dave', { role: 'admin' });
  for (let count = 0; count < 6; count++) await createToken(dave);
  const all = (await itemsOf(dave)).map(({ id }) => id);
  expect(all).toHaveLength(7);
  const seen: unknown[] = [];
  for (let path: string | undefined = '/v1/tokens?limit=3'; path !== undefined;) {
    api.statements();
    const answer = await call(dave, 'GET', path);
    expect(api.statements()).toHaveLength(2);
    const { items, nextCursor } = answer.json as { items: { id: string }[]; nextCursor: string | null };
    seen.push(...items.map(({ id }) => id));
    path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('Link') ?? '')?.[1];
    expect(path).toBe(nextCursor === null ? undefined : `/v1/tokens?limit=3&cursor=${nextCursor}`);
  }
  expect(seen).toEqual(all);
});

test('does not create a token after the calling token is revoked concurrently', async () => {
  const last = () => api.sql<{ action: string }[]>`
    SELECT action FROM lethe.audit_events WHERE actor = ${bob.memberId} AND action LIKE 'token.%' ORDER BY id DESC LIMIT 2`;
  const results: string[] = [];
  for (let round = 0; round < 60; round++) {
    const { id, token } = await createToken(bob);
    const creating = () => postToken(token);
    const revoking = () => call(bob, 'DELETE', `/v1/tokens/${id}`);
    const [answer] = await (round % 2 === 0
      ? Promise.all([creating(), revoking()])
      : Promise.all([revoking(), creating()]).then(([revoked, created]) => [created, revoked]));
    const order = (await last()).map(({ action }) => action);
    results.push(`${answer?.status}: ${answer?.status === 201 ? order.toReversed().join(', ') : order[0]}`);
  }
  expect(new Set(results)).toEqual(new Set(['201: token.minted, token.revoked', '401: token.revoked']));
});

test('authenticates with one statement and sends none for a malformed token', async () => {
  await call(ann, 'GET', '/v1/nothing-here');
  expect(api.statements()).toHaveLength(1);
  const wrongChecksum = `${ann.token.slice(0, -1)}${ann.token.endsWith('0') ? '1' : '0'}`;
  for (const token of [
    wrongChecksum,
    ann.token.toUpperCase(),
    ann.token.slice(1),
    `${ann.token}0`,
    'lethe_',
    'x'.repeat(80),
  ])
    expect((await call(token, 'GET', '/v1/tokens')).json).toMatchObject({ status: 401, code: 'unauthorized' });
  expect(api.statements()).toEqual([]);
});

const digestOf = (token: string, encoding: 'hex' | 'base64') => createHash('sha256').update(token).digest(encoding);

test('stores a token only as a digest and never logs it', async () => {
  const rows = await api.sql`SELECT t::text AS row FROM lethe.audit_events t`;
  const members = await api.sql`SELECT t::text AS row FROM lethe.members t`;
  const tokens = await api.sql`SELECT (to_jsonb(t) - 'sha256')::text AS row FROM lethe.tokens t`;
  const text = [...api.log, ...[...rows, ...members, ...tokens].map(({ row }) => String(row))].join('\n');
  expect(text).toContain('token.minted');
  expect(text).not.toMatch(/lethe_[0-9a-f]{8}/);
  const digests = await api.sql<{ hex: string; base64: string }[]>`
    SELECT encode(sha256, 'hex') AS hex, encode(sha256, 'base64') AS base64 FROM lethe.tokens`;
  expect(digests.map(({ hex }) => hex)).toContain(digestOf(ann.token, 'hex'));
  for (const { hex, base64 } of digests) for (const shown of [hex, base64]) expect(text).not.toContain(shown);
});
