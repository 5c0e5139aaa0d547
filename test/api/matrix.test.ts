import { beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../domain/calendar.ts';
import { archives } from '../support/archives.ts';
import { exportOf, makeReady } from './exports.ts';
import { type Answer, deletionOf, START, testApi, textOf, user } from './support.ts';

/**
 * Who may do what: every operation of the document by every kind of caller. 403 says what is missing: w the right to
 * write, d deletions, o an owner's role. What nobody may is found nowhere: 404.
 */
const CALLERS = [
  'none',
  'malformed',
  'checksum',
  'expired',
  'revoked',
  'other',
  'admin',
  'owner',
  'reading',
  'exporting',
];
const MATRIX = `
  createRequest     401 401 401 401 401  404 202  202  403w  403d
  uploadSubjects    401 401 401 401 401  404 202  202  403w  403d
  listRequests      401 401 401 401 401  404 200  200  200   200
  readRequest       401 401 401 401 401  404 200  200  200   403d
  listSubjects      401 401 401 401 401  404 200  200  200   403d
  readProgress      401 401 401 401 401  404 200  200  200   403d
  readReceipt       401 401 401 401 401  404 409  409  409   403d
  makeLink          401 401 401 401 401  404 201  201  403w  201
  listLinks         401 401 401 401 401  404 200  200  200   200
  revokeLink        401 401 401 401 401  404 204  204  403w  204
  destroyArchive    401 401 401 401 401  404 204  204  403w  204
  readLog           401 401 401 401 401  404 200  200  200   403d
  confirmRequest    401 401 401 401 401  404 409  409  403w  403d
  cancelRequest     401 401 401 401 401  404 202  202  403w  403d
  expediteRequest   401 401 401 401 401  404 202  202  403w  403d
  retryRequest      401 401 401 401 401  404 409  409  403w  403d
  skipProcessor     401 401 401 401 401  404 403o 409  403w  403d
  lookUpSubject     401 401 401 401 401  404 200  200  200   403d
  placeHold         401 401 401 401 401  404 201  201  403w  403d
  releaseHold       401 401 401 401 401  404 204  204  403w  403d
  placeSuppression  401 401 401 401 401  404 202  202  403w  403d
  liftSuppression   401 401 401 401 401  404 202  202  403w  403d
  listActivity      401 401 401 401 401  404 200  200  200   200
  listMembers       401 401 401 401 401  200 200  200  200   200
  addMember         401 401 401 401 401  201 403o 201  403w  403d
  removeMember      401 401 401 401 401  404 403o 204  403w  204
  mintToken         401 401 401 401 401  201 201  201  403w  403d
  listTokens        401 401 401 401 401  404 403o 200  200   200
  revokeToken       401 401 401 401 401  404 404  204  403w  204
  addWebhook        401 401 401 401 401  201 403o 201  403w  403d
  listWebhooks      401 401 401 401 401  200 200  200  200   200
  removeWebhook     401 401 401 401 401  404 403o 204  403w  403d
  rotateWebhookSecret 401 401 401 401 401 404 403o 200 403w  403d
  enableWebhook     401 401 401 401 401  404 403o 204  403w  403d
  listDeliveries    401 401 401 401 401  404 200  200  200   200
  retryDelivery     401 401 401 401 401  404 403o 204  403w  403d
  healthz           200 200 200 200 200  200 200  200  200   200
  readyz            200 200 200 200 200  200 200  200  200   200
`;
const NEEDS: Readonly<Record<string, string>> = { w: 'write', d: 'deletion', o: 'owner' };

/** What the calls are about. */
interface Things {
  readonly project: string;
  readonly request: string;
  /** An export that is ready, and a link to its archive. */
  readonly export: string;
  readonly link: string;
  readonly hold: string;
  readonly suppressed: string;
  readonly member: string;
  readonly token: string;
  readonly webhook: string;
  readonly delivery: string;
}
type Call = readonly [method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>];
const reason = 'ticket 1';

const CALLS: Readonly<Record<string, (about: Things) => Call>> = {
  createRequest: ({ project }) => ['POST', '/v1/requests', { ...deletionOf([user('u-new')]), project }],
  uploadSubjects: ({ project }) => [
    'POST',
    `/v1/uploads?project=${project}&kind=deletion&regulation=gdpr&subjects=user&type=user_id&header=absent`,
    'u-uploaded\n',
    { 'Content-Type': 'text/csv' },
  ],
  listRequests: ({ project }) => ['GET', `/v1/requests?project=${project}`],
  readRequest: ({ request }) => ['GET', `/v1/requests/${request}`],
  listSubjects: ({ request }) => ['GET', `/v1/requests/${request}/subjects`],
  readProgress: ({ request }) => ['GET', `/v1/requests/${request}/progress`],
  readReceipt: ({ request }) => ['GET', `/v1/requests/${request}/receipt`],
  makeLink: ({ export: id }) => ['POST', `/v1/requests/${id}/links`, {}],
  listLinks: ({ export: id }) => ['GET', `/v1/requests/${id}/links`],
  revokeLink: ({ export: id, link }) => ['DELETE', `/v1/requests/${id}/links/${link}`],
  destroyArchive: ({ export: id }) => ['DELETE', `/v1/requests/${id}/archive`],
  readLog: ({ request }) => ['GET', `/v1/requests/${request}/log`],
  confirmRequest: ({ request }) => ['POST', `/v1/requests/${request}/confirm`, { expectedCount: 1 }],
  cancelRequest: ({ request }) => ['POST', `/v1/requests/${request}/cancel`, {}],
  expediteRequest: ({ request }) => ['POST', `/v1/requests/${request}/expedite`, { when: 'now', reason }],
  retryRequest: ({ request }) => ['POST', `/v1/requests/${request}/retry`, { reason }],
  skipProcessor: ({ request }) => ['POST', `/v1/requests/${request}/skip`, { processor: 'app', reason }],
  lookUpSubject: ({ project }) => ['POST', '/v1/subjects/lookup', { project, kind: 'user', identity: user('u-1') }],
  placeHold: ({ project }) => ['POST', '/v1/holds', { ...HOLD, project }],
  releaseHold: ({ hold }) => ['DELETE', `/v1/holds/${hold}`],
  placeSuppression: ({ project }) => ['POST', '/v1/suppressions', { project, kind: 'user', identity: user('u-3') }],
  liftSuppression: ({ project, suppressed }) => [
    'DELETE',
    '/v1/suppressions',
    { project, kind: 'user', identity: user(suppressed) },
  ],
  listActivity: ({ project }) => ['GET', `/v1/activity?project=${project}`],
  listMembers: () => ['GET', '/v1/members'],
  addMember: () => ['POST', '/v1/members', { name: crypto.randomUUID(), role: 'admin' }],
  removeMember: ({ member }) => ['DELETE', `/v1/members/${member}`],
  mintToken: () => ['POST', '/v1/tokens', { name: 'job', kinds: ['deletion'] }],
  listTokens: ({ member }) => ['GET', `/v1/tokens?member=${member}`],
  revokeToken: ({ token }) => ['DELETE', `/v1/tokens/${token}`],
  addWebhook: () => ['POST', '/v1/webhooks', WEBHOOK],
  listWebhooks: () => ['GET', '/v1/webhooks'],
  removeWebhook: ({ webhook }) => ['DELETE', `/v1/webhooks/${webhook}`],
  rotateWebhookSecret: ({ webhook }) => ['POST', `/v1/webhooks/${webhook}/rotate`, {}],
  enableWebhook: ({ webhook }) => ['POST', `/v1/webhooks/${webhook}/enable`],
  listDeliveries: ({ webhook }) => ['GET', `/v1/webhooks/${webhook}/deliveries`],
  retryDelivery: ({ webhook, delivery }) => ['POST', `/v1/webhooks/${webhook}/deliveries/${delivery}/retry`],
  healthz: () => ['GET', '/healthz'],
  readyz: () => ['GET', '/readyz'],
};
const WEBHOOK = { url: 'https://hooks.test/lethe' };
const HOLD = { kind: 'user', identities: [user('u-2')], caseRef: 'C-1', heldBy: 'counsel' };

const NO_ID = '0000000000007000800000000000abcd';
const NOTHING: Things = {
  project: 'nowhere',
  request: `req_${NO_ID}`,
  export: `req_${NO_ID}`,
  link: `link_${NO_ID}`,
  hold: `hold_${NO_ID}`,
  suppressed: 'nobody',
  member: `mem_${NO_ID}`,
  token: `tok_${NO_ID}`,
  webhook: `wh_${NO_ID}`,
  delivery: `evt_${NO_ID}`,
};

const cells = MATRIX.trim()
  .split('\n')
  .flatMap((line) => {
    const [operationId = '', ...row] = line.trim().split(/ +/);
    if (row.length !== CALLERS.length) throw new Error(`${operationId} has ${row.length} cells`);
    return row.map((cell, index) => ({
      operationId,
      caller: CALLERS[index] ?? '',
      status: Number(cell.slice(0, 3)),
      needs: cell
        .slice(3)
        .split('')
        .map((letter) => NEEDS[letter]),
    }));
  });

const storage = archives();
const api = await testApi({ storage });
const authorization: Record<string, string> = {
  none: '',
  malformed: 'Bearer lethe_0123',
  owner: bearer(api.owner.token),
};

const as = (caller: string, [method, path, body, headers]: Call): Promise<Answer> =>
  api.call(method, path, body, { ...headers, Authorization: authorization[caller] ?? 'nobody' });
const callOf = (operationId: string, about: Things): Call => {
  const call = CALLS[operationId];
  if (call === undefined) throw new Error(`the matrix does not say how ${operationId} is called`);
  return call(about);
};

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
  await api.database`UPDATE lethe.webhooks SET removed_at = ${START} WHERE removed_at IS NULL`;
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
  const [row] = await api.database<{ id: string }[]>`SELECT id FROM lethe.deliveries WHERE channel = ${webhook}`;
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
  const tables = await api.database<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'lethe' AND tablename <> 'slots' ORDER BY 1`;
  const entries = tables.map(async ({ name }) => {
    const [row] = await api.database<{ rows: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') AS rows
      FROM ${api.database(`lethe.${name}`)} t`;
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
