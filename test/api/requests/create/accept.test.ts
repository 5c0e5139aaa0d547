import { expect, test } from 'vitest';
import { submitDeletion, deletionOf, START, testApi, textOf, user } from '../../support/api.ts';

const api = await testApi();

test('accepts a deletion with the dates of the policy and starts its workflow', async () => {
  const answer = await api.call(
    'POST',
    '/v1/requests',
    deletionOf([user('u-1'), { type: 'email', value: ['Ann@x.test', 'Berlin'] }]),
  );
  const id = textOf(answer, 'id');
  expect(answer.status).toBe(202);
  expect(answer.headers.get('Location')).toBe(`/v1/requests/${id}`);
  expect(answer.json).toMatchObject({
    status: 'received',
    submitted: 2,
    receivedAt: START.toISOString(),
    dueAt: '2026-12-23T10:00:00.000Z',
    hardDeleteAt: '2026-12-08T02:00:00.000Z',
    cancellableUntil: '2026-12-08T02:00:00.000Z',
    // Three days for the slowest system and one day for the settle period.
    estimatedCompletionAt: '2026-12-12T02:00:00.000Z',
    atRisk: false,
  });
  expect(api.orchestrator.started).toEqual([id]);
  const stored =
    await api.sql`SELECT position, type, value, outcome FROM lethe.submitted_identities WHERE request_id = ${id} ORDER BY position`;
  expect([...stored]).toEqual([
    { position: 1, type: 'user_id', value: ['u-1'], outcome: null },
    { position: 2, type: 'email', value: ['Ann@x.test', 'Berlin'], outcome: null },
  ]);
  const audit = await api.sql`SELECT action, actor, detail FROM lethe.audit_events WHERE request_id = ${id}`;
  expect([...audit]).toEqual([
    { action: 'request.received', actor: api.owner.memberId, detail: { selection: 'identities', submitted: 2 } },
  ]);
});

test('needs one statement after the authentication for 1 identity and for 2 000', async () => {
  for (const count of [1, 2_000]) {
    api.statements();
    await submitDeletion(
      api,
      Array.from({ length: count }, (_, index) => user(`one-${count}-${index}`)),
    );
    expect(api.statements()).toHaveLength(2);
  }
});

test('treats a string like a list of one string and marks equal texts as duplicates', async () => {
  const id = await submitDeletion(api, [
    user('a"b\\c,{d}'),
    { type: 'user_id', value: ['a"b\\c,{d}'] },
    { type: 'email', value: ['X@Y.test', 'Café'] },
    { type: 'email', value: ['x@y.test', 'café'] },
    { type: 'email', value: ['X@Y.test', 'Café'] },
  ]);
  const rows =
    await api.sql`SELECT value, outcome, duplicate_of FROM lethe.submitted_identities WHERE request_id = ${id} ORDER BY position`;
  expect([...rows]).toEqual([
    { value: ['a"b\\c,{d}'], outcome: null, duplicateOf: null },
    { value: ['a"b\\c,{d}'], outcome: 'duplicate', duplicateOf: 1 },
    { value: ['X@Y.test', 'Café'], outcome: null, duplicateOf: null },
    { value: ['x@y.test', 'café'], outcome: null, duplicateOf: null },
    { value: ['X@Y.test', 'Café'], outcome: 'duplicate', duplicateOf: 3 },
  ]);
});

test('stores outcome invalid without the value when a value is not a UUID or an integer', async () => {
  const id = await submitDeletion(api, [
    { type: 'xng_id', value: 'no-uuid' },
    { type: 'number', value: '99999999999999999999' },
    { type: 'xng_id', value: '0190A5E4-3C00-7000-8000-000000000001' },
  ]);
  const rows =
    await api.sql`SELECT value, outcome, reason FROM lethe.submitted_identities WHERE request_id = ${id} ORDER BY position`;
  expect([...rows]).toEqual([
    { value: null, outcome: 'invalid', reason: 'not_a_uuid' },
    { value: null, outcome: 'invalid', reason: 'not_an_integer' },
    { value: ['0190a5e4-3c00-7000-8000-000000000001'], outcome: null, reason: null },
  ]);
  const page = await api.call('GET', `/v1/requests/${id}/subjects`);
  expect(page.json).toMatchObject({
    items: [
      { position: 1, outcome: 'invalid', reason: 'not_a_uuid', value: null },
      { position: 2, outcome: 'invalid', reason: 'not_an_integer' },
      { position: 3, outcome: null, reason: null },
    ],
  });
});

test('stores no identity when a segment or everyone is selected', async () => {
  for (const subjects of [
    { kind: 'user', segment: 'dormant' },
    { kind: 'user', everyone: true },
  ]) {
    const answer = await api.call('POST', '/v1/requests', {
      ...deletionOf([]),
      subjects,
      confirm: 'everyone' in subjects,
    });
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({ submitted: 0 });
    const status = await api.call('GET', `/v1/requests/${textOf(answer, 'id')}`);
    expect(status.json).toMatchObject({ selection: 'segment' in subjects ? 'segment' : 'everyone' });
  }
});

test('sets hardDeleteAt to the next run or to now when a request is expedited', async () => {
  const expedite = (when: string) => ({ expedite: { when, reason: 'ticket 4711' } });
  const next = await api.call('POST', '/v1/requests', deletionOf([user('e-1')], expedite('next_run')));
  const now = await api.call('POST', '/v1/requests', deletionOf([user('e-2')], expedite('now')));
  expect(next.json).toMatchObject({ hardDeleteAt: '2026-11-24T02:00:00.000Z' });
  expect(now.json).toMatchObject({ hardDeleteAt: START.toISOString() });
});

test('rejects the whole request with onConflict reject when an open request has the same identity', async () => {
  await submitDeletion(api, [user('taken'), { type: 'email', value: ['taken@x.test', 'b'] }]);
  const before = await api.sql`SELECT count(*) AS requests FROM lethe.requests`;
  const identities = [user('free'), { type: 'email', value: ['TAKEN@x.test', 'B'] }, user('taken')];
  const rejected = await api.call('POST', '/v1/requests', deletionOf(identities, { onConflict: 'reject' }));
  expect(rejected.status).toBe(409);
  expect(rejected.json).toMatchObject({ code: 'subject_conflict', positions: [2, 3] });
  expect(await api.sql`SELECT count(*) AS requests FROM lethe.requests`).toEqual(before);
  expect((await api.call('POST', '/v1/requests', deletionOf([user('free')], { onConflict: 'reject' }))).status).toBe(
    202,
  );
});
