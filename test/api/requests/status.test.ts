import { expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import {
  applyVisibility,
  identityFactOf,
  claimAt,
  concludeAll,
  deleteFirstBatch,
  hide,
  matchOf,
  resolve,
} from '../support/ledger.ts';
import { submitDeletion, RUN, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
const at = (days: number) => new Date(START.getTime() + days * DAY_MS);
const subjects = (id: string, query = '') => api.call('GET', `/v1/requests/${id}/subjects${query}`);
const status = async (id: string) => (await api.call('GET', `/v1/requests/${id}`)).json;

test('returns the outcome and the identities of each position until the request ends', async () => {
  const id = await submitDeletion(api, [
    user('u-1'),
    { type: 'alias', value: 'household' },
    user('u-1'),
    { type: 'email', value: ['one@x.test', 'b'] },
    user('unknown'),
  ]);
  expect((await subjects(id)).json).toMatchObject({
    items: [
      { outcome: null },
      { outcome: null },
      { outcome: 'duplicate', duplicateOf: 1 },
      { outcome: null },
      { outcome: null },
    ],
  });

  const facts = [
    matchOf(1, 'u-1'),
    matchOf(2, 'u-1'),
    matchOf(2, 'u-2'),
    matchOf(4, 'u-1'),
    identityFactOf('u-1', 'email', ['one@x.test', 'b']),
    identityFactOf('u-1', 'alias', ['household'], 1),
    identityFactOf('u-1', 'alias', ['old-name'], 1),
    identityFactOf('u-2', 'alias', ['household'], 1),
  ];
  await resolve(api.database, id, facts, START);
  expect(await status(id)).toMatchObject({ subjects: { submitted: 5, resolved: 3, states: { resolved: 3 } } });
  await hide(api.database, id, facts, START);
  const hiddenPage = (await subjects(id)).json;
  expect(hiddenPage).toMatchObject({
    items: [
      { position: 1, type: 'user_id', value: ['u-1'], outcome: 'soft_deleted', identityCount: 3 },
      { position: 2, outcome: 'soft_deleted' },
      { position: 3, outcome: 'duplicate', duplicateOf: 1, identityCount: 0, identities: [] },
      { position: 4, outcome: 'duplicate', duplicateOf: 1 },
      { position: 5, outcome: 'soft_deleted', retained: [], identityCount: 0 },
    ],
    nextCursor: null,
  });
  expect(hiddenPage).toHaveProperty(
    'items.0.identities',
    expect.arrayContaining([
      { type: 'alias', value: ['old-name'], origin: 'alias', shared: true },
      { type: 'alias', value: ['household'], origin: 'submitted', shared: false },
    ]),
  );
  expect(await status(id)).toMatchObject({
    status: 'grace',
    subjects: { submitted: 5, resolved: 3, states: { soft_deleted: 3, deleted: 0, cancelled: 0 } },
    cancellableUntil: RUN.toISOString(),
    heldSubjects: 0,
    notHiddenIn: ['mail'],
    unverified: [{ system: 'mail', level: 'attested', saidAt: null }],
    attention: [],
  });
  expect((await api.call('GET', `/v1/requests/${id}/receipt`)).json).toMatchObject({
    code: 'no_receipt_yet',
    status: 409,
  });

  await claimAt(api.database, id, RUN);
  await applyVisibility(api.database, id, RUN);
  const claimed = await status(id);
  expect(claimed).toMatchObject({
    status: 'deleting',
    subjects: { states: { claimed: 3, soft_deleted: 0 } },
    cancellableUntil: null,
  });
  expect((await subjects(id)).json).toMatchObject({ items: [{ outcome: 'soft_deleted' }, {}, {}, {}, {}] });
  expect((await api.call('GET', `/v1/requests/${id}/receipt`)).json).toMatchObject({
    final: false,
    concludedAt: null,
    outcomes: { soft_deleted: 3, duplicate: 2 },
  });
  expect((await api.call('GET', `/v1/requests/${id}/progress`)).json).toMatchObject({
    batches: [
      { system: 'app', batch: 1, state: 'pending', subjects: 3, finished: 0, removed: 0 },
      { system: 'mail', batch: 1, state: 'pending' },
    ],
    live: null,
  });

  await deleteFirstBatch(api.database, id, RUN);
  expect(await status(id)).toMatchObject({ status: 'verifying' });
  expect((await api.call('GET', `/v1/requests/${id}/progress`)).json).toMatchObject({
    batches: [
      { system: 'app', state: 'verified', finished: 1, removed: 7, detached: 3, anonymised: 1 },
      { system: 'mail', state: 'attested' },
    ],
  });
  await concludeAll(api.database, id, new Date(RUN.getTime() + DAY_MS));
  api.clock.now = at(60);
  expect(await status(id)).toMatchObject({
    status: 'completed',
    atRisk: false,
    concludedAt: '2026-12-09T02:00:00.000Z',
    unverified: [{ system: 'mail', level: 'attested', saidAt: RUN.toISOString() }],
  });
  const retained = [{ basis: 'tax law, 10 years', rows: 2 }];
  const anonymised = { rows: 1, columns: ['email', 'name'] };
  const none = { rows: 0, columns: [] };
  const ended = await subjects(id);
  expect(ended.json).toMatchObject({
    items: [
      { position: 1, value: null, outcome: 'deleted', retained, anonymised, identities: [] },
      // Position 2 names two subjects: u-1 has retained and anonymised rows, u-2 has none.
      { position: 2, value: null, outcome: 'deleted', retained, anonymised, identities: [] },
      { position: 3, outcome: 'duplicate', retained: [], anonymised: none },
      { position: 4, outcome: 'duplicate', retained: [], anonymised: none },
      { position: 5, outcome: 'deleted', retained: [], anonymised: none },
    ],
  });
  for (const word of ['u-1', 'one@x.test', 'household', 'old-name', 'unknown'])
    expect(ended.text).not.toContain(`"${word}"`);
  const receipt = await api.call('GET', `/v1/requests/${id}/receipt`);
  expect(receipt.text).toMatch(/^\{"requestId":.*"status":.*"systems":.*"limits":/);
  expect(receipt.json).toMatchObject({
    final: true,
    status: 'completed',
    outcomes: { deleted: 3, duplicate: 2 },
    systems: [
      {
        system: 'app',
        survivors: 0,
        tables: [
          { table: 'app.events', removed: 7, retained: [], detached: 0, anonymised: none },
          { table: 'app.invoices', removed: 0, retained, detached: 0, anonymised: none },
          { table: 'app.replies', removed: 0, retained: [], detached: 3, anonymised: none },
          { table: 'app.users', removed: 0, retained: [], detached: 0, anonymised },
        ],
      },
      { system: 'mail', survivors: null },
    ],
  });
  api.clock.now = START;
});

test('returns every subject once in pages ordered by position', async () => {
  const id = await submitDeletion(
    api,
    Array.from({ length: 23 }, (_, index) => user(`page-${index}`)),
  );
  const seen: unknown[] = [];
  let query = '?limit=10';
  for (let pages = 0; pages < 5; pages += 1) {
    const page = await subjects(id, query);
    seen.push(...(page.json as { items: { position: number }[] }).items.map((item) => item.position));
    if ((page.json as { nextCursor: string | null }).nextCursor === null) break;
    expect(page.headers.get('Link')).toContain('rel="next"');
    query = `?limit=10&cursor=${textOf(page, 'nextCursor')}`;
  }
  expect(seen).toEqual(Array.from({ length: 23 }, (_, index) => index + 1));
});

test('needs the same number of statements for 1 and 200 subjects', async () => {
  const id = await submitDeletion(
    api,
    Array.from({ length: 200 }, (_, index) => user(`many-${index}`)),
  );
  await hide(
    api.database,
    id,
    Array.from({ length: 200 }, (_, index) => matchOf(index + 1, `many-${index}`)),
    START,
  );
  const counts = [];
  for (const limit of [1, 200]) {
    api.statements();
    await subjects(id, `?limit=${limit}`);
    counts.push(api.statements().length);
  }
  api.statements();
  await status(id);
  // Authentication, the request, and the list or the status.
  expect([...counts, api.statements().length]).toEqual([3, 3, 3]);
});

test('lists only the requests of the project, newest first', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 7; index += 1) {
    // Two in the same millisecond, so that the ID decides.
    api.clock.now = new Date(at(1).getTime() + Math.floor(index / 2));
    const body = {
      project: 'other',
      kind: 'deletion',
      regulation: 'ccpa',
      subjects: { kind: 'user', identities: [user('o')] },
    };
    ids.push(textOf(await api.call('POST', '/v1/requests', body), 'id'));
  }
  const seen: string[] = [];
  let query = '?project=other&limit=3';
  for (let pages = 0; pages < 5; pages += 1) {
    const page = await api.call('GET', `/v1/requests${query}`);
    seen.push(...(page.json as { items: { id: string }[] }).items.map((item) => item.id));
    if ((page.json as { nextCursor: string | null }).nextCursor === null) break;
    query = `?project=other&limit=3&cursor=${textOf(page, 'nextCursor')}`;
  }
  expect(seen).toHaveLength(7);
  expect(new Set(seen)).toEqual(new Set(ids));
  expect(seen.slice(0, 1)).toEqual(ids.slice(-1));
  api.clock.now = START;
});

test('rejects an invalid limit, cursor, parameter or project', async () => {
  const id = await submitDeletion(api, [user('q')]);
  for (const path of [
    '/v1/requests?project=demo&limit=0',
    '/v1/requests?project=demo&limit=201',
    '/v1/requests?project=demo&limit=ten',
    '/v1/requests?project=demo&cursor=canary',
    '/v1/requests?project=demo&canary=1',
    `/v1/requests/${id}/subjects?cursor=canary`,
    `/v1/requests/${id}/subjects?limit=-1`,
  ]) {
    const answer = await api.call('GET', path);
    expect(answer.json).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ in: 'query' }] });
    expect(answer.text).not.toContain('canary');
  }
  expect((await api.call('GET', '/v1/requests?project=none')).status).toBe(404);
});

test('sets atRisk when a request has missed its due date', async () => {
  const id = await submitDeletion(api, [user('late')], { regulation: 'gdpr' });
  expect(await status(id)).toMatchObject({ atRisk: false });
  api.clock.now = at(31);
  expect(await status(id)).toMatchObject({ atRisk: true });
  const page = await api.call('GET', '/v1/requests?project=demo');
  expect(page.json).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ id, atRisk: true })]) });
  api.clock.now = START;
});
