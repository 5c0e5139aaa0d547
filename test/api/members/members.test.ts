import { beforeEach, expect, test } from 'vitest';
import { addMemberOrToken, removeMember, type AddedMember } from '../../../db/members/members.ts';
import { DomainError } from '../../../domain/errors.ts';
import { type By, bearerOf, START, testApi, textOf } from '../support/api.ts';

const api = await testApi();
const ann = await api.member('ann');
const bob = await api.member('bob', { role: 'admin' });
beforeEach(() => {
  api.clock.now = START;
});

const call = (by: By, method: string, path: string, body?: unknown) => api.call(method, path, body, bearerOf(by));
const add = (by: By, name: string, role = 'admin') => call(by, 'POST', '/v1/members', { name, role });
const remove = (by: By, { memberId }: Pick<AddedMember, 'memberId'>) => call(by, 'DELETE', `/v1/members/${memberId}`);
const membersIn = async (by: By, query = '') =>
  ((await call(by, 'GET', `/v1/members${query}`)).json as { items: { id: string; name: string }[] }).items;
const events = () => api.sql`SELECT actor, action, detail FROM lethe.audit_events WHERE actor <> 'test' ORDER BY id`;
const UNKNOWN = 'mem_0000000000007000800000000000abcd';

test('adds a member and returns its first token once', async () => {
  const answer = await add(ann, 'carol', 'owner');
  expect(answer.status).toBe(201);
  const { token } = answer.json as { token: { id: string; token: string } };
  const id = textOf(answer, 'id');
  expect(answer.json).toEqual({
    id: expect.stringMatching(/^mem_[0-9a-f]{32}$/),
    name: 'carol',
    role: 'owner',
    addedAt: START.toISOString(),
    token: {
      id: expect.stringMatching(/^tok_[0-9a-f]{32}$/),
      token: expect.stringMatching(/^lethe_[0-9a-f]{64}_[0-9a-f]{8}$/),
      name: 'first',
      role: 'owner',
      kinds: null,
      access: 'write',
      mintedBy: ann.tokenId,
      expiresAt: '2027-11-23T10:00:00.000Z',
    },
  });
  expect(answer.headers.get('Location')).toBe(`/v1/members/${id}`);
  expect((await add(token.token, 'dora')).status).toBe(201);
  const list = await call(bob, 'GET', '/v1/members');
  expect(list.text).not.toContain('lethe_');
  expect((await membersIn(bob)).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['ann', 'bob', 'carol', 'dora']),
  );
  expect((await events()).slice(0, 2)).toEqual([
    { actor: ann.memberId, action: 'member.added', detail: { member: id, role: 'owner' } },
    {
      actor: ann.memberId,
      action: 'token.minted',
      detail: { member: id, token: token.id, role: 'owner', kinds: null, readOnly: false, mintedBy: ann.tokenId },
    },
  ]);
});

test('requires an unlimited token of an owner to manage members', async () => {
  const createToken = async (by: By, body: object) =>
    textOf(await call(by, 'POST', '/v1/tokens', { name: 'job', ...body }), 'token');
  const before = [await events(), await membersIn(ann)];
  const limited = [
    { by: bob.token, needs: ['owner'] },
    { by: await createToken(ann, { role: 'admin' }), needs: ['owner'] },
    { by: await createToken(ann, { access: 'read' }), needs: ['write'] },
    { by: await createToken(ann, { role: 'admin', access: 'read' }), needs: ['write', 'owner'] },
  ];
  for (const { by, needs } of limited) {
    for (const answer of [await add(by, 'eve'), await remove(by, bob)])
      expect(answer.json).toMatchObject({ status: 403, code: 'forbidden', needs });
    expect((await call(by, 'GET', '/v1/members')).status).toBe(200);
  }
  const exporting = await createToken(ann, { kinds: ['export'] });
  expect((await add(exporting, 'eve')).json).toMatchObject({ code: 'forbidden', needs: ['deletion'] });
  expect([(await events()).slice(0, before[0]?.length), await membersIn(ann)]).toEqual(before);
  expect((await events()).filter(({ action }) => action !== 'token.minted').length).toBe(
    before[0]?.filter((event) => Reflect.get(event, 'action') !== 'token.minted').length,
  );
});

test('rejects a name that is in use and accepts the name of a removed member', async () => {
  const first = textOf(await add(ann, 'finn'), 'id');
  expect((await add(ann, 'finn', 'owner')).json).toMatchObject({ status: 409, code: 'member_exists' });
  expect((await remove(ann, { memberId: first })).status).toBe(204);
  expect(textOf(await add(ann, 'finn'), 'id')).not.toBe(first);
  expect((await call(api.otherOwner, 'POST', '/v1/members', { name: 'finn', role: 'admin' })).status).toBe(201);
});

test('names the invalid field of a new member', async () => {
  const before = await membersIn(ann);
  for (const [body, pointer] of [
    [{ name: '', role: 'admin' }, '/name'],
    [{ name: 'x'.repeat(201), role: 'admin' }, '/name'],
    [{ name: 'a\nb', role: 'admin' }, '/name'],
    [{ name: 'gus', role: 'root' }, '/role'],
    [{ name: 'gus' }, '/role'],
    [{ name: 'gus', role: 'admin', project: 'demo' }, ''],
  ] as const)
    expect((await call(ann, 'POST', '/v1/members', body)).json).toMatchObject({ status: 422, errors: [{ pointer }] });
  expect(await membersIn(ann)).toEqual(before);
});

test('revokes all tokens of a removed member and no others', async () => {
  const hal = await api.member('hal');
  const tokens = [hal.token];
  for (const name of ['one', 'two']) tokens.push(textOf(await call(hal, 'POST', '/v1/tokens', { name }), 'token'));
  expect((await remove(ann, hal)).status).toBe(204);
  for (const token of tokens)
    expect((await call(token, 'GET', '/v1/members')).json).toMatchObject({
      status: 401,
      detail: expect.stringMatching(/^The bearer token is revoked\./),
    });
  expect((await call(bob, 'GET', '/v1/members')).status).toBe(200);
  expect((await membersIn(ann)).map(({ id }) => id)).not.toContain(hal.memberId);
  expect((await events()).at(-1)).toEqual({
    actor: ann.memberId,
    action: 'member.removed',
    detail: { member: hal.memberId, tokens: 3, links: 0 },
  });
  // Their tokens remain listed among all; the member itself is not found.
  const all = (await call(ann, 'GET', '/v1/tokens?member=all&limit=200')).json as { items: { member: string }[] };
  expect(all.items.filter(({ member }) => member === hal.memberId)).toHaveLength(3);
  expect((await call(ann, 'GET', `/v1/tokens?member=${hal.memberId}`)).json).toMatchObject({
    code: 'member_not_found',
  });
});

test('returns the same 404 for members that are unknown, removed or of another project', async () => {
  const ida = await api.member('ida');
  await remove(ann, ida);
  const count = (await events()).length;
  const unknown = { ...((await remove(ann, { memberId: UNKNOWN })).json as object), instance: '' };
  expect(unknown).toMatchObject({ status: 404, code: 'member_not_found' });
  for (const memberId of [api.otherOwner.memberId, ida.memberId, 'ann'])
    expect({ ...((await remove(ann, { memberId })).json as object), instance: '' }).toEqual(unknown);
  expect((await call(api.otherOwner, 'GET', '/v1/members')).status).toBe(200);
  expect((await events()).length).toBe(count);
  expect((await membersIn(api.otherOwner)).map(({ id }) => id)).not.toContain(ann.memberId);
});

test('does not remove the last owner of a project', async () => {
  const last = api.otherOwner;
  await call(last, 'POST', '/v1/members', { name: 'an admin', role: 'admin' });
  expect((await remove(last, last)).json).toMatchObject({ status: 409, code: 'last_owner' });
  const second = (await add(last, 'jo', 'owner')).json as { id: string; token: { token: string } };
  expect((await remove(last, last)).status).toBe(204);
  expect((await call(last, 'GET', '/v1/members')).status).toBe(401);
  expect((await remove(second.token.token, { memberId: second.id })).json).toMatchObject({ code: 'last_owner' });
  expect((await call(second.token.token, 'GET', '/v1/members')).status).toBe(200);
});

test('lists each member once across pages', async () => {
  const all = (await membersIn(ann)).map(({ id }) => id);
  const seen: string[] = [];
  let path: string | undefined = '/v1/members?limit=2';
  for (; path !== undefined;) {
    const answer = await call(ann, 'GET', path);
    seen.push(...(answer.json as { items: { id: string }[] }).items.map(({ id }) => id));
    path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('Link') ?? '')?.[1];
  }
  expect(all.length).toBeGreaterThan(4);
  expect(seen).toEqual(all);
  for (const cursor of ['x', Buffer.from(ann.tokenId).toString('base64url')])
    expect((await call(ann, 'GET', `/v1/members?cursor=${cursor}`)).json).toMatchObject({ code: 'invalid_request' });
});

const ROUNDS = 200;

/** Two owners remove each other concurrently; the first call alternates. Returns both results and the remaining owners. */
async function removingEachOther(round: number, others: number): Promise<{ results: string[]; owners: number }> {
  const project = `race-${others}-${round}`;
  await api.sql`INSERT INTO lethe.projects (name) VALUES (${project})`;
  const owner = (name: string) =>
    addMemberOrToken(api.database, { project, name, role: 'owner', actor: 'test', at: START });
  const pair = [await owner('one'), await owner('other')] as const;
  for (let count = 0; count < others; count++) await owner(`bystander ${count}`);
  const attempt = async (by: AddedMember, target: AddedMember): Promise<string> => {
    try {
      await removeMember(api.database, { project, expiryLimit: null, ...by }, { id: target.memberId, at: START });
      return 'removed';
    } catch (error) {
      if (error instanceof DomainError) return error.code;
      throw error;
    }
  };
  const order = round % 2 === 0 ? pair : ([pair[1], pair[0]] as const);
  const results = await Promise.all([attempt(order[0], order[1]), attempt(order[1], order[0])]);
  const left = await api.sql`SELECT FROM lethe.members WHERE project = ${project} AND removed_at IS NULL`;
  const recorded = await api.sql`
    SELECT FROM lethe.audit_events WHERE project = ${project} AND action = 'member.removed'`;
  expect(recorded.count).toBe(1);
  return { results: results.toSorted(), owners: left.count };
}

test.each([
  { others: 0, text: 'the only two owners' },
  { others: 1, text: 'two owners of three' },
])(
  `removes exactly one when $text remove each other concurrently (${ROUNDS} rounds)`,
  { timeout: 120_000 },
  async ({ others }) => {
    for (let round = 0; round < ROUNDS; round++) {
      // The token of the removed owner was revoked before its own call ran.
      expect(await removingEachOther(round, others)).toEqual({
        results: ['removed', 'unauthorized'],
        owners: others + 1,
      });
    }
  },
);

test('does not show a token in a log line or an audit event', async () => {
  const rows = await api.sql`SELECT t::text AS row FROM lethe.audit_events t`;
  expect([...api.log, ...rows.map(({ row }) => String(row))].join('\n')).not.toMatch(/lethe_[0-9a-f]{8}/);
});
