import { beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { archives } from '../../support/archives.ts';
import { exportOf, makeReady } from '../exports/exports.ts';
import { type Call, CALLERS, callOf, CALLS, cells, HOLD, NOTHING, type Things, WEBHOOK } from './matrix.ts';
import { type Answer, deletionOf, START, testApi, textOf, user } from '../support/api.ts';

const storage = archives();
const api = await testApi({ storage });
const authorization: Record<string, string> = {
  none: '',
  malformed: 'Bearer lethe_0123',
  owner: bearer(api.owner.token),
};

const as = (caller: string, [method, path, body, headers]: Call): Promise<Answer> =>
  api.call(method, path, body, { ...headers, Authorization: authorization[caller] ?? 'nobody' });

function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** As the owner of the project: one thing of each sort that no call has touched yet. */
async function freshThings(): Promise<Things> {
  const made = async (...call: Call) => {
    const answer = await as('owner', call);
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  await api.sql`UPDATE lethe.webhooks SET removed_at = ${START} WHERE removed_at IS NULL`;
  const webhook = textOf(await made('POST', '/v1/webhooks', WEBHOOK), 'id');
  const suppressed = crypto.randomUUID();
  const suppression = { project: 'demo', kind: 'user', identity: user(suppressed) };
  const request = await made('POST', '/v1/requests', deletionOf([user('u-1')]));
  const exported = textOf(await made('POST', '/v1/requests', exportOf([user('u-1')])), 'id');
  await makeReady(api, storage, exported, Buffer.from('an archive'));
  const link = await made('POST', `/v1/requests/${exported}/links`, {});
  const hold = await made('POST', '/v1/holds', { ...HOLD, project: 'demo' });
  await made('POST', '/v1/suppressions', suppression);
  const member = await made('POST', '/v1/members', { name: crypto.randomUUID(), role: 'admin' });
  const token = await made('POST', '/v1/tokens', { name: 'spare' });
  return {
    project: 'demo',
    request: textOf(request, 'id'),
    export: exported,
    link: textOf(link, 'id'),
    hold: textOf(hold, 'id'),
    suppressed,
    member: textOf(member, 'id'),
    token: textOf(token, 'id'),
    webhook,
    delivery: await deliveryOf(webhook),
  };
}

/** What the webhook is to be told of the request that was made after it. */
async function deliveryOf(webhook: string): Promise<string> {
  const [row] = await api.sql<{ id: string }[]>`SELECT id FROM lethe.deliveries WHERE channel = ${webhook}`;
  if (row === undefined) throw new Error('nothing is to be told');
  return row.id;
}

beforeAll(async () => {
  const mint = async (more: object) =>
    textOf(await as('owner', ['POST', '/v1/tokens', { name: 'job', ...more }]), 'token');
  const revoked = await as('owner', ['POST', '/v1/tokens', { name: 'job' }]);
  await as('owner', ['DELETE', `/v1/tokens/${textOf(revoked, 'id')}`]);
  api.clock.now = new Date(START.getTime() - DAY_MS);
  const expired = await mint({ expiresAt: START.toISOString() });
  api.clock.now = START;
  const checksum = api.owner.token.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const admin = await api.member('an admin', { role: 'admin' });
  const tokens = {
    checksum,
    expired,
    revoked: textOf(revoked, 'token'),
    other: api.otherOwner.token,
    admin: admin.token,
    reading: await mint({ access: 'read' }),
    exporting: await mint({ kinds: ['export'] }),
  };
  for (const [caller, token] of Object.entries(tokens)) authorization[caller] = bearer(token);
  // The first use of a token is written; from here on the clock stands still, and no use is.
  for (const caller of CALLERS) await as(caller, ['GET', '/v1/members']);
});

test('the matrix has every operation of the document, which has every route below /v1', async () => {
  const { paths } = (await api.call('GET', '/openapi.json')).json as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId));
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(api.routes.filter((route) => route.includes(' /v1')).toSorted()).toEqual(
    told.filter((route) => route.includes(' /v1')).toSorted(),
  );
  const rows = [...new Set(cells.map(({ operationId }) => operationId))];
  expect(rows.toSorted()).toEqual(operations.toSorted());
  expect(Object.keys(CALLS).toSorted()).toEqual(operations.toSorted());
  expect(cells).toHaveLength(operations.length * CALLERS.length);
});

/** Every row of the ledger but the budgets of calls, which are spent by being refused too. */
async function everything(): Promise<Record<string, string>> {
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

describe('whoever may not', () => {
  let things: Things;
  let before: Record<string, string>;
  beforeAll(async () => {
    things = await freshThings();
    api.orchestrator.started.splice(0);
    api.orchestrator.woken.splice(0);
    api.orchestrator.told.splice(0);
    before = await everything();
  });

  test.each(cells.filter(({ status }) => status >= 400))(
    '$operationId by $caller: $status $needs',
    async ({ operationId, caller, status, needs }) => {
      const answer = await as(caller, callOf(operationId, things));
      expect(answer.json).toMatchObject({ status, ...(status === 403 ? { code: 'forbidden', needs } : {}) });
      expect(answer.json).toMatchObject(status === 401 ? { code: 'unauthorized' } : {});
    },
  );

  test.each(cells.filter(({ status }) => status === 404))(
    '$operationId by $caller is told of what there is byte for byte what is told of what there is not',
    async ({ operationId, caller }) => {
      const [there, nowhere] = [
        await as(caller, callOf(operationId, things)),
        await as(caller, callOf(operationId, NOTHING)),
      ];
      expect(comparable(there)).toEqual(comparable(nowhere));
    },
  );

  test('has changed nothing, started nothing, and is recorded nowhere', async () => {
    expect(before['audit_events']).toMatch(/^[1-9]/);
    expect(await everything()).toEqual(before);
    const { started, woken, told } = api.orchestrator;
    expect([started, woken, told]).toEqual([[], [], []]);
  });
});

/** An answer but for the ids of the call itself and what is left of the budget. */
function comparable({ status, headers, text }: Answer): unknown {
  const own = headers.get('X-Request-Id') ?? '';
  expect(text).toContain(own);
  const told = [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'ratelimit');
  return { status, told, text: text.replaceAll(own, '') };
}

test.each(cells.filter(({ status }) => status < 400))(
  'whoever may: $operationId by $caller: $status',
  async ({ operationId, caller, status }) => {
    const answer = await as(caller, callOf(operationId, await freshThings()));
    expect(answer.text).toBe(answer.status === status ? answer.text : '');
    expect(answer.status).toBe(status);
  },
);

test('another project’s owner sees nothing of this one where nothing has to be named', async () => {
  const { member, token, request } = await freshThings();
  const paths = ['/v1/members?limit=200', '/v1/tokens?member=all&limit=200', '/v1/activity?limit=200', '/v1/requests'];
  for (const path of paths) {
    const seen = (caller: string) => as(caller, ['GET', path]).then(({ text }) => text);
    const ours = [member, token, request, api.owner.memberId, api.owner.tokenId];
    const [owners, others] = [await seen('owner'), await seen('other')];
    expect(ours.some((id) => owners.includes(id))).toBe(true);
    for (const id of ours) expect(others).not.toContain(id);
  }
});
