import { expect, test } from 'vitest';
import { type RequestFilter, listRequests } from '../../../db/requests/list.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { transaction } from '../../../db/transaction.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { applyVisibility, claimAt, hide, matchOf } from '../support/ledger.ts';
import { submitDeletion, type Answer, bearerOf, deletionOf, START, testApi, textOf, user } from '../support/api.ts';
import { allPages, pageOf } from '../support/pages.ts';

const api = await testApi();
/** The run of requests received a day after START. */
const RUN = new Date('2026-12-09T02:00:00.000Z');
const day = (days: number) => new Date(START.getTime() + days * DAY_MS);

const listed = async (query: string, headers: Record<string, string> = {}) =>
  pageOf(await api.call('GET', `/v1/requests?${query}`, undefined, headers)).items.map(({ id }) => id);
const hiddenRequest = async (name: string, more: Record<string, unknown> = {}) => {
  const id = await submitDeletion(api, [user(name)], more);
  await hide(api.database, id, [matchOf(1, name)], START);
  return id;
};
const raiseDeleteAttention = (requestId: string) =>
  withProjectLock(api.database, 'demo', (tx) =>
    raiseAttention(
      tx,
      { project: 'demo', requestId, system: 'app', step: 'delete', batch: 1 },
      { code: 'survivors_remain', at: START, retryAt: null },
    ),
  );

test('returns the requests that match every filter', async () => {
  const bea = await api.member('bea');
  const early = await hiddenRequest('early');
  api.clock.now = day(1);
  const ccpa = await hiddenRequest('ccpa', { regulation: 'ccpa' });
  const claimed = await hiddenRequest('claimed');
  await claimAt(api.database, claimed, RUN);
  await applyVisibility(api.database, claimed, RUN);
  await raiseDeleteAttention(claimed);
  const requestOfBea = textOf(
    await api.call('POST', '/v1/requests', deletionOf([user('submitted by bea')]), bearerOf(bea)),
    'id',
  );
  api.clock.now = day(2);
  const everyone = textOf(
    await api.call('POST', '/v1/requests', deletionOf([], { subjects: { kind: 'user', segment: 'left' } })),
    'id',
  );

  const all = [everyone, requestOfBea, claimed, ccpa, early];
  expect(new Set(await listed(''))).toEqual(new Set(all));
  for (const [query, expected] of [
    ['kind=deletion', all],
    ['kind=export', []],
    ['status=grace', [ccpa, early]],
    ['status=received', [everyone, requestOfBea]],
    ['status=received,deleting,received', [everyone, requestOfBea, claimed]],
    ['status=completed', []],
    ['regulation=ccpa', [ccpa]],
    ['regulation=lgpd', []],
    [`receivedFrom=${day(1).toISOString()}`, [everyone, requestOfBea, claimed, ccpa]],
    [`receivedBefore=${day(1).toISOString()}`, [early]],
    [`receivedFrom=${day(1).toISOString()}&receivedBefore=${day(2).toISOString()}`, [requestOfBea, claimed, ccpa]],
    [`submittedBy=${bea.memberId}`, [requestOfBea]],
    ['needsAttention=true', [claimed]],
    ['needsAttention=false', [everyone, requestOfBea, ccpa, early]],
    ['atRisk=true', []],
    ['atRisk=false', all],
    [`submittedBy=${api.owner.memberId}&status=deleting&regulation=gdpr&needsAttention=true&atRisk=false`, [claimed]],
    [`submittedBy=${bea.memberId}&status=deleting`, []],
  ] as const) {
    expect({ query, ids: await listed(query) }).toEqual({ query, ids: await inOrder(expected) });
  }
  expect(pageOf(await api.call('GET', '/v1/requests?status=deleting')).items).toMatchObject([
    { id: claimed, submittedBy: api.owner.memberId, selection: 'identities', submitted: 1, needsAttention: true },
  ]);
  expect(
    pageOf(await api.call('GET', `/v1/requests?status=received&submittedBy=${api.owner.memberId}`)).items,
  ).toMatchObject([{ id: everyone, selection: 'segment', submitted: 0 }]);
  api.clock.now = START;
});

/** Newest first, then by ID. */
async function inOrder(ids: readonly string[]): Promise<readonly string[]> {
  const rows = await api.sql<{ id: string }[]>`
    SELECT id FROM lethe.requests WHERE id = ANY(${[...ids]}::text[]) ORDER BY received_at DESC, id DESC`;
  return rows.map(({ id }) => id);
}

test('returns the same atRisk in list, filter and status until the request ends', async () => {
  const late = await submitDeletion(api, [user('late')]);
  const early = await submitDeletion(api, [user('in time')], { regulation: 'ccpa' });
  api.clock.now = day(31);
  await api.sql`UPDATE lethe.requests SET hard_delete_at = ${day(32)} WHERE id = ${early}`;
  const risky = await listed('atRisk=true');
  expect(risky).toContain(late);
  expect(risky).not.toContain(early);
  expect(await listed('atRisk=false')).toContain(early);
  for (const { id, atRisk } of pageOf<{ atRisk: boolean }>(await api.call('GET', '/v1/requests')).items) {
    expect(atRisk).toBe(risky.includes(id));
    expect((await api.call('GET', `/v1/requests/${id}`)).json).toMatchObject({ atRisk });
  }
  await api.sql`UPDATE lethe.requests SET status = 'cancelled', concluded_at = ${api.clock.now} WHERE id = ${late}`;
  expect(await listed('atRisk=true')).not.toContain(late);
  api.clock.now = START;
});

test('returns every matching request once while new requests arrive', async () => {
  const cleo = await api.member('cleo');
  const submit = async (name: string, headers = bearerOf(cleo)) =>
    textOf(await api.call('POST', '/v1/requests', deletionOf([user(name)]), headers), 'id');
  const before: string[] = [];
  for (let index = 0; index < 11; index += 1) {
    // Several in the same millisecond, so that the ID decides.
    api.clock.now = new Date(day(3).getTime() + Math.floor(index / 4));
    before.push(await submit(`cleo ${index}`));
    await submit(`not cleo ${index}`, bearerOf(api.owner));
  }
  const path = `/v1/requests?submittedBy=${cleo.memberId}&status=received,grace&atRisk=false&limit=3`;
  const pages = await allPages(api, path, async () => {
    api.clock.now = new Date(api.clock.now.getTime() + 1);
    await submit('arrives meanwhile');
  });
  expect(pages.map((page) => page.length)).toEqual([3, 3, 3, 2]);
  expect(pages.flat()).toEqual(await inOrder(before));
  api.clock.now = START;
});

test('needs one statement after the authentication for every page', async () => {
  for (const query of [
    'limit=1',
    'limit=200',
    'limit=200&status=received,grace,deleting&needsAttention=true&atRisk=false',
    `limit=1&submittedBy=${api.owner.memberId}&regulation=gdpr&kind=deletion`,
  ]) {
    api.statements();
    await listed(query);
    expect({ query, statements: api.statements().length }).toEqual({ query, statements: 2 });
  }
});

test('lists only requests of the kinds that the token covers', async () => {
  const limited = async (kind: string) => {
    const answer = await api.call('POST', '/v1/tokens', { name: kind, kinds: [kind], access: 'read' });
    return bearerOf(textOf(answer, 'token'));
  };
  expect(await listed('', await limited('deletion'))).toEqual(await listed(''));
  expect(await listed('kind=deletion', await limited('export'))).toEqual([]);
});

test("uses the caller's project by default and rejects another project like an unknown one", async () => {
  const elsewhere = textOf(
    await api.call('POST', '/v1/requests', { ...deletionOf([user('elsewhere')]), project: 'other' }),
    'id',
  );
  expect(await listed('project=demo')).toEqual(await listed(''));
  expect(await listed('')).not.toContain(elsewhere);
  expect(await listed('', bearerOf(api.otherOwner))).toEqual([elsewhere]);
  expect(await listed(`submittedBy=${api.otherOwner.memberId}`)).toEqual([]);
  const [others, none] = await Promise.all(
    ['other', 'none'].map((name) => api.call('GET', `/v1/requests?project=${name}`, undefined, bearerOf(api.owner))),
  );
  const problemOf = (answer: Answer | undefined) => ({ ...(answer?.json as object), instance: null });
  expect(problemOf(others)).toEqual(problemOf(none));
  expect(problemOf(others)).toMatchObject({ status: 404, code: 'project_not_found' });
});

test('rejects an invalid filter without quoting it', async () => {
  for (const [query, pointer] of [
    ['kind=canary', '/kind'],
    ['status=canary', '/status/0'],
    ['status=grace,canary', '/status/1'],
    ['status=', '/status/0'],
    ['status=grace&status=canary', '/status'],
    ['regulation=', '/regulation'],
    ['regulation=canary%00', '/regulation'],
    ['receivedFrom=canary', '/receivedFrom'],
    ['receivedFrom=2026-02-30T00:00:00Z', '/receivedFrom'],
    ['receivedBefore=0000-01-01T00:00:00Z', '/receivedBefore'],
    ['submittedBy=canary', '/submittedBy'],
    ['needsAttention=canary', '/needsAttention'],
    ['atRisk=1', '/atRisk'],
    ['cursor=canary', '/cursor'],
    [`cursor=${Buffer.from('99999999999999999 req_').toString('base64url')}`, '/cursor'],
    ['canary=1', ''],
  ]) {
    const answer = await api.call('GET', `/v1/requests?${query}`);
    expect({ query, ...(answer.json as object) }).toMatchObject({
      query,
      code: 'invalid_request',
      errors: [{ in: 'query', pointer }],
    });
    expect(answer.text).not.toContain('canary');
  }
});

test('reads fewer than 1 000 of 200 000 rows for a filtered page with a generic plan', async () => {
  await api.sql`
    INSERT INTO lethe.requests (id, project, kind, subject_kind, regulation, scope, selection, suppress, on_conflict,
      submitted_by, submitted, status, received_at, due_at, hard_delete_at, estimated_completion_at, concluded_at, attended_at)
    SELECT 'req_' || md5(n::text), 'other', 'deletion', 'user', CASE WHEN n % 4000 = 1 THEN 'lgpd' ELSE 'gdpr' END, 'data',
      'identities', false, 'attach', 'mem_' || CASE WHEN n % 4000 = 2 THEN 'rare' ELSE (n % 7)::text END, 3,
      CASE WHEN n > 199500 THEN 'grace' WHEN n % 4000 = 3 THEN 'partially_completed' ELSE 'completed' END,
      at, at + interval '30 days', at + interval '14 days', at + interval '16 days',
      CASE WHEN n <= 199500 THEN at + interval '16 days' END, at
    FROM generate_series(1, 200000) n, LATERAL (SELECT ${day(-400)}::timestamptz + n * interval '2 minutes' AS at) received`;
  await api.sql`INSERT INTO lethe.attention
    SELECT id, 'app', 'delete', 1, 'survivors_remain', received_at, NULL FROM lethe.requests
    WHERE project = 'other' AND concluded_at IS NULL LIMIT 20`;
  await api.sql`ANALYZE lethe.requests, lethe.attention`;
  const filters: readonly (RequestFilter & { readonly found: number })[] = [
    { found: 101 },
    { status: ['partially_completed'], found: 50 },
    { status: ['partially_completed', 'completed', 'failed'], found: 101 },
    { regulation: 'lgpd', found: 50 },
    { submittedBy: 'mem_rare', found: 50 },
    { submittedBy: 'mem_unknown', found: 0 },
    { receivedFrom: day(-400), receivedBefore: day(-399), found: 101 },
    { needsAttention: true, found: 20 },
    { needsAttention: false, found: 101 },
    // 500 requests are open, and all of them are on time.
    { atRisk: true, found: 0 },
    { atRisk: false, found: 101 },
  ];
  const page = { project: 'other', kinds: null, now: day(-400), after: null, limit: 101 };
  for (const { found, ...filter } of filters) {
    const read = await transaction(api.database, async (tx) => {
      await tx.$client`SET LOCAL plan_cache_mode = force_generic_plan`;
      await tx.$client`SET LOCAL max_parallel_workers_per_gather = 0`;
      const rows = await listRequests(tx, { ...page, filter });
      const [counted] = await tx.$client<{ rows: number }[]>`
        SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relid = 'lethe.requests'::regclass`;
      return { found: rows.length, rows: counted?.rows ?? 0 };
    });
    expect({ filter, found: read.found }).toEqual({ filter, found });
    expect({ filter, few: read.rows < 1_000 }).toEqual({ filter, few: true });
  }
});
