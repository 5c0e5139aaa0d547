import { beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import { archives } from '../../support/archives.ts';
import { exportOf, makeReady } from '../exports/exports.ts';
import { type Call, CALLERS, callOf, CALLS, cells, HOLD, MISSING_TARGETS, type Targets, WEBHOOK } from './matrix.ts';
import { type Answer, deletionOf, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const authorization: Record<string, string> = {
  none: '',
  malformed: 'Bearer lethe_0123',
  owner: bearer(api.owner.token),
};

const callAs = (caller: string, [method, path, body, headers]: Call): Promise<Answer> =>
  api.call(method, path, body, { ...headers, Authorization: authorization[caller] ?? 'unknown' });

function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** Creates one untouched target of each sort as the owner of the project. */
async function createTargets(): Promise<Targets> {
  const create = async (...call: Call) => {
    const answer = await callAs('owner', call);
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  await api.sql`UPDATE lethe.webhooks SET removed_at = ${START} WHERE removed_at IS NULL`;
  const webhook = textOf(await create('POST', '/v1/webhooks', WEBHOOK), 'id');
  const suppressed = crypto.randomUUID();
  const request = await create('POST', '/v1/requests', deletionOf([user('u-1')]));
  const exported = textOf(await create('POST', '/v1/requests', exportOf([user('u-1')])), 'id');
  await makeReady(api, storage, exported, Buffer.from('an archive'));
  const link = await create('POST', `/v1/requests/${exported}/links`, {});
  const hold = await create('POST', '/v1/holds', { ...HOLD, project: 'demo' });
  const identity = user(suppressed);
  const suppression = await create('POST', '/v1/suppressions', { project: 'demo', kind: 'user', identity });
  const member = await create('POST', '/v1/members', { name: crypto.randomUUID(), role: 'admin' });
  const token = await create('POST', '/v1/tokens', { name: 'unused' });
  return {
    project: 'demo',
    request: textOf(request, 'id'),
    export: exported,
    link: textOf(link, 'id'),
    hold: textOf(hold, 'id'),
    suppressed,
    suppression: textOf(suppression, 'id'),
    task: await taskOf(textOf(request, 'id')),
    member: textOf(member, 'id'),
    token: textOf(token, 'id'),
    webhook,
    delivery: await deliveryOf(webhook),
  };
}

/** An open task of a request. */
async function taskOf(requestId: string): Promise<string> {
  const id = newId('task', START.getTime());
  await api.sql`
    INSERT INTO lethe.manual_tasks (id, project, system, request_id, batch, pass, first_seq, last_seq, seqs, instruction, within_ms, opened_at, due_at, state)
    VALUES (${id}, 'demo', 'partner', ${requestId}, 1, 1, 1, 1, '{}', 'Delete it.', 1, ${START}, ${START}, 'open')`;
  return id;
}

/** The delivery of the request that was created after the webhook. */
async function deliveryOf(webhook: string): Promise<string> {
  const [row] = await api.sql<{ id: string }[]>`SELECT id FROM lethe.deliveries WHERE channel = ${webhook}`;
  if (row === undefined) throw new Error('the webhook has no delivery');
  return row.id;
}

beforeAll(async () => {
  const createToken = async (more: object) =>
    textOf(await callAs('owner', ['POST', '/v1/tokens', { name: 'job', ...more }]), 'token');
  const revoked = await callAs('owner', ['POST', '/v1/tokens', { name: 'job' }]);
  await callAs('owner', ['DELETE', `/v1/tokens/${textOf(revoked, 'id')}`]);
  api.clock.now = new Date(START.getTime() - DAY_MS);
  const expired = await createToken({ expiresAt: START.toISOString() });
  api.clock.now = START;
  const checksum = api.owner.token.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const admin = await api.member('an admin', { role: 'admin' });
  const tokens = {
    checksum,
    expired,
    revoked: textOf(revoked, 'token'),
    other: api.otherOwner.token,
    admin: admin.token,
    reading: await createToken({ access: 'read' }),
    exporting: await createToken({ kinds: ['export'] }),
  };
  for (const [caller, token] of Object.entries(tokens)) authorization[caller] = bearer(token);
  // Writes the first use of each token. The clock stands still from here on, so no later use is written.
  for (const caller of CALLERS) await callAs(caller, ['GET', '/v1/members']);
});

test('covers every operation of the document and every route below /v1', async () => {
  const { paths } = (await api.call('GET', '/openapi.json')).json as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId));
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(api.routes.filter((route) => route.includes(' /v1')).toSorted()).toEqual(
    documented.filter((route) => route.includes(' /v1')).toSorted(),
  );
  const rows = [...new Set(cells.map(({ operationId }) => operationId))];
  expect(rows.toSorted()).toEqual(operations.toSorted());
  expect(Object.keys(CALLS).toSorted()).toEqual(operations.toSorted());
  expect(cells).toHaveLength(operations.length * CALLERS.length);
});

/** A digest of every table except the rate limits, which rejected calls use up too. */
async function tableDigests(): Promise<Record<string, string>> {
  const tables = await api.sql<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'lethe' AND tablename <> 'slots' ORDER BY 1`;
  const entries = tables.map(async ({ name }) => {
    const [row] = await api.sql<{ rows: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') AS rows
      FROM ${api.sql(`lethe.${name}`)} t`;
    return [name, row?.rows ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

describe('callers without permission', () => {
  let targets: Targets;
  let before: Record<string, string>;
  beforeAll(async () => {
    targets = await createTargets();
    api.orchestrator.started.splice(0);
    api.orchestrator.signaled.splice(0);
    api.orchestrator.notified.splice(0);
    before = await tableDigests();
  });

  test.each(cells.filter(({ status }) => status >= 400))(
    'rejects $operationId by $caller with $status $needs',
    async ({ operationId, caller, status, needs }) => {
      const answer = await callAs(caller, callOf(operationId, targets));
      expect(answer.json).toMatchObject({ status, ...(status === 403 ? { code: 'forbidden', needs } : {}) });
      expect(answer.json).toMatchObject(status === 401 ? { code: 'unauthorized' } : {});
    },
  );

  test.each(cells.filter(({ status }) => status === 404))(
    'returns the same response to $operationId by $caller for existing and missing objects',
    async ({ operationId, caller }) => {
      const [existing, missing] = [
        await callAs(caller, callOf(operationId, targets)),
        await callAs(caller, callOf(operationId, MISSING_TARGETS)),
      ];
      expect(comparable(existing)).toEqual(comparable(missing));
    },
  );

  test('changes, starts and records nothing for rejected calls', async () => {
    expect(before['audit_events']).toMatch(/^[1-9]/);
    expect(await tableDigests()).toEqual(before);
    const { started, signaled, notified } = api.orchestrator;
    expect([started, signaled, notified]).toEqual([[], [], []]);
  });
});

/** A response without the id of the call and the remaining calls. */
function comparable({ status, headers, text }: Answer): unknown {
  const callId = headers.get('X-Request-Id') ?? '';
  expect(text).toContain(callId);
  const comparableHeaders = [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'ratelimit');
  return { status, comparableHeaders, text: text.replaceAll(callId, '') };
}

test.each(cells.filter(({ status }) => status < 400))(
  'allows $operationId by $caller with $status',
  async ({ operationId, caller, status }) => {
    const answer = await callAs(caller, callOf(operationId, await createTargets()));
    expect(answer.text).toBe(answer.status === status ? answer.text : '');
    expect(answer.status).toBe(status);
  },
);

test('does not list data of one project to the owner of another', async () => {
  const { member, token, request, hold, suppression } = await createTargets();
  const paths = [
    '/v1/members?limit=200',
    '/v1/tokens?member=all&limit=200',
    '/v1/activity?limit=200',
    '/v1/requests',
    '/v1/holds',
    '/v1/suppressions',
    `/v1/holds?caseRef=${HOLD.caseRef}`,
  ];
  for (const path of paths) {
    const seen = (caller: string) => callAs(caller, ['GET', path]).then(({ text }) => text);
    const ours = [member, token, request, hold, suppression, api.owner.memberId, api.owner.tokenId];
    const [owners, others] = [await seen('owner'), await seen('other')];
    expect(ours.some((id) => owners.includes(id))).toBe(true);
    for (const id of ours) expect(others).not.toContain(id);
  }
});
