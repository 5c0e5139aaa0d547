import { expect, test } from 'vitest';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import type { AttentionCode, Step } from '../../../domain/vocabulary.ts';
import { identityFactOf, claimAt, hide, matchesOf, matchOf } from '../support/ledger.ts';
import { submitDeletion, RUN, START, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
let number = 0;

/** A request with `count` hidden subjects. */
async function hiddenRequest(count: number) {
  number += 1;
  const names = Array.from({ length: count }, (_, index) => `r${number}-${index}`);
  const id = await submitDeletion(api, names.map(user));
  await hide(api.database, id, matchesOf(names), START);
  api.orchestrator.signaled = [];
  return { id, names };
}
const status = async (id: string) => (await api.call('GET', `/v1/requests/${id}`)).json;
const post = (id: string, verb: string, body: unknown) => api.call('POST', `/v1/requests/${id}/${verb}`, body);
const wakeVersion = async (id: string) =>
  (await api.sql<{ wakeVersion: number }[]>`SELECT wake_version FROM lethe.requests WHERE id = ${id}`)[0]?.wakeVersion;
const audit = async (id: string) =>
  (await api.sql<{ action: string }[]>`SELECT action FROM lethe.audit_events WHERE request_id = ${id} ORDER BY id`).map(
    (row) => row.action,
  );

test('cancels one of three subjects and signals the workflow', async () => {
  const { id } = await hiddenRequest(3);
  const version = Number(await wakeVersion(id));
  const answer = await post(id, 'cancel', { positions: [2] });
  expect(answer.status).toBe(202);
  expect(answer.json).toEqual({ id, cancelled: 1, tooLate: [], tooLateCount: 0 });
  expect(await status(id)).toMatchObject({ subjects: { states: { soft_deleted: 2, cancelling: 1 } } });
  expect(await wakeVersion(id)).toBe(version + 1);
  expect(api.orchestrator.signaled).toContain(id);
});

test('returns too_late and changes nothing when subjects are already cancelled or claimed', async () => {
  const { id } = await hiddenRequest(2);
  expect((await post(id, 'cancel', {})).json).toMatchObject({ cancelled: 2 });
  expect((await post(id, 'cancel', {})).json).toMatchObject({ status: 409, code: 'too_late' });
  const claimed = await hiddenRequest(1);
  await claimAt(api.database, claimed.id, RUN);
  const events = await audit(claimed.id);
  expect((await post(claimed.id, 'cancel', {})).json).toMatchObject({ code: 'too_late' });
  expect((await post(claimed.id, 'expedite', { when: 'now', reason: 'ticket 2' })).json).toMatchObject({
    code: 'too_late',
  });
  expect(await audit(claimed.id)).toEqual(events);
  expect(await status(claimed.id)).toMatchObject({ subjects: { states: { claimed: 1, cancelled: 0 } } });
});

test('rejects invalid positions and cancels nothing for unknown positions', async () => {
  const { id } = await hiddenRequest(1);
  for (const positions of [[0], [-1], [1.5], ['1'], [], [2 ** 40]]) {
    expect((await post(id, 'cancel', { positions })).json).toMatchObject({ status: 422 });
  }
  expect((await post(id, 'cancel', { positions: [99] })).json).toMatchObject({ code: 'too_late' });
  expect(await status(id)).toMatchObject({ subjects: { states: { soft_deleted: 1 } } });
});

test('does not move an expedited request back to a later run', async () => {
  const { id } = await hiddenRequest(1);
  const now = await post(id, 'expedite', { when: 'now', reason: 'ticket 3' });
  expect(now.status).toBe(202);
  expect(now.json).toEqual({ id, hardDeleteAt: START.toISOString() });
  const later = await post(id, 'expedite', { when: 'next_run', reason: 'ticket 3' });
  expect(later.json).toEqual({ id, hardDeleteAt: START.toISOString() });
  expect(await status(id)).toMatchObject({ hardDeleteAt: START.toISOString() });
  expect(api.orchestrator.signaled).toContain(id);
});

const placeHold = (identities: unknown[], more: Record<string, unknown> = {}) =>
  api.call('POST', '/v1/holds', {
    project: 'demo',
    kind: 'user',
    identities,
    caseRef: 'C-7',
    heldBy: 'counsel',
    ...more,
  });

test('holds waiting subjects, reports claimed subjects as too late and stores no identity', async () => {
  const open = await hiddenRequest(3);
  const claimed = await hiddenRequest(1);
  await claimAt(api.database, claimed.id, RUN);
  await api.sql`UPDATE lethe.subjects SET hard_delete_at = ${RUN}`;
  const answer = await placeHold([open.names[0], claimed.names[0], 'unknown'].map((name) => user(String(name))));
  const hold = textOf(answer, 'id');
  expect(answer.status).toBe(201);
  expect(answer.headers.get('Location')).toBe(`/v1/holds/${hold}`);
  expect(answer.json).toMatchObject({
    matching: [{ requestId: open.id, subjects: 1 }],
    tooLate: [{ requestId: claimed.id, subjects: 1 }],
  });
  expect(api.orchestrator.signaled).toEqual([open.id]);
  expect(await status(open.id)).toMatchObject({ heldSubjects: 1, subjects: { states: { soft_deleted: 3 } } });
  const page = await api.call('GET', `/v1/requests/${open.id}/subjects`);
  expect(page.json).toMatchObject({
    items: [{ outcome: 'held' }, { outcome: 'soft_deleted' }, { outcome: 'soft_deleted' }],
  });
  const [row] = await api.sql`SELECT to_jsonb(holds)::text AS text FROM lethe.holds WHERE id = ${hold}`;
  expect(JSON.stringify(row)).not.toContain(open.names[0]);

  expect((await api.call('DELETE', `/v1/holds/${hold}`)).status).toBe(204);
  expect((await api.call('DELETE', `/v1/holds/${hold}`)).status).toBe(204);
  expect(await status(open.id)).toMatchObject({ heldSubjects: 0 });
});

test('compares a composite identity of a hold without regard to case and with all its parts', async () => {
  const email = (value: string, unit: string) => ({ type: 'email', value: [value, unit] });
  for (const [submitted, heldAs] of [
    ['Ann@X.test', 'ann@x.test'],
    ['bea@x.test', 'BEA@x.TEST'],
  ] as const) {
    const id = await submitDeletion(api, [email(submitted, 'berlin'), email(submitted, 'bonn')]);
    const stored = submitted.toLowerCase();
    const facts = ['berlin', 'bonn'].map((unit, index) => matchOf(index + 1, `${stored} of ${unit}`));
    const emails = ['berlin', 'bonn'].map((unit) => identityFactOf(`${stored} of ${unit}`, 'email', [stored, unit]));
    await hide(api.database, id, [...facts, ...emails], START);
    expect((await placeHold([email(heldAs, 'Berlin')])).json).toMatchObject({
      matching: [{ requestId: id, subjects: 1 }],
    });
    expect(await status(id)).toMatchObject({ heldSubjects: 1 });
  }
});

test('holds a subject when the hold is placed before the request is resolved', async () => {
  const early = await submitDeletion(api, [user('hold-early'), user('another'), user('withdrawn'), user('hold-early')]);
  await post(early, 'cancel', { positions: [3] });
  const cancelled = await submitDeletion(api, [user('hold-early')]);
  await post(cancelled, 'cancel', {});
  await submitDeletion(api, [user('hold-early')], { project: 'other' });
  api.orchestrator.signaled = [];
  const answer = await placeHold(['hold-early', 'hold-early', 'withdrawn', 'unknown'].map(user));
  expect(answer.json).toMatchObject({ matching: [{ requestId: early, subjects: 1 }], tooLate: [] });
  expect(api.orchestrator.signaled).toEqual([early]);
  await hide(api.database, early, [matchOf(1, 'hold-early'), matchOf(2, 'another')], START);
  expect(await status(early)).toMatchObject({ heldSubjects: 1, subjects: { states: { soft_deleted: 2 } } });
});

test('rejects a hold on invalid identities and stores nothing', async () => {
  const [before] = await api.sql`SELECT count(*) FROM lethe.holds`;
  const answer = await placeHold([
    user('ok'),
    { type: 'xng_id', value: 'canary-no-uuid' },
    { type: 'email', value: 'canary' },
  ]);
  expect(answer.json).toMatchObject({
    errors: [
      { pointer: '/identities/1/value', code: 'not_a_uuid' },
      { pointer: '/identities/2/value', code: 'wrong_number_of_values' },
    ],
  });
  expect(answer.text).not.toContain('canary');
  expect((await placeHold(Array.from({ length: 2_001 }, (_, index) => user(`h-${index}`)))).json).toMatchObject({
    code: 'too_many_subjects',
  });
  const [after] = await api.sql`SELECT count(*) FROM lethe.holds`;
  expect(after).toEqual(before);
});

async function raiseRequestAttention(id: string, system: string, code: AttentionCode, step: Step = 'delete') {
  await withProjectLock(api.database, 'demo', (tx) =>
    raiseAttention(
      tx,
      { project: 'demo', requestId: id, system, step, batch: step === 'delete' ? 1 : 0 },
      { code, at: RUN, retryAt: null },
    ),
  );
  if (step === 'delete') {
    await api.sql`UPDATE lethe.batch_work SET state = 'attention' WHERE request_id = ${id} AND system = ${system}`;
  }
}
const work = (id: string) =>
  api.sql<
    { system: string; state: string }[]
  >`SELECT system, state, skip_reason FROM lethe.batch_work WHERE request_id = ${id} ORDER BY system`;

test('lists the remedy of each attention and retries only the named system', async () => {
  const { id } = await hiddenRequest(1);
  await claimAt(api.database, id, RUN);
  await raiseRequestAttention(id, 'app', 'survivors_remain');
  await raiseRequestAttention(id, 'mail', 'system_refused');
  expect(await status(id)).toMatchObject({
    attention: [
      {
        system: 'app',
        step: 'delete',
        code: 'survivors_remain',
        since: RUN.toISOString(),
        retryAt: null,
        remedy: expect.stringContaining('retry'),
      },
      { system: 'mail', code: 'system_refused' },
    ],
  });
  expect((await api.call('GET', '/v1/requests?project=demo')).json).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ id, needsAttention: true })]),
  });
  const answer = await post(id, 'retry', { system: 'app', reason: 'ticket 4' });
  expect(answer.json).toEqual({ id, systems: ['app'] });
  expect([...(await work(id))]).toMatchObject([
    { system: 'app', state: 'pending' },
    { system: 'mail', state: 'attention' },
  ]);
  expect(await status(id)).toMatchObject({ attention: [{ system: 'mail' }] });
  expect(await audit(id)).toContain('system.retried');
  expect(api.orchestrator.signaled).toEqual([id]);
  expect((await post(id, 'retry', { system: 'app', reason: 'ticket 4' })).json).toMatchObject({
    code: 'not_in_attention',
  });
  expect((await post(id, 'retry', { reason: 'ticket 4' })).json).toEqual({ id, systems: ['mail'] });
});

test('skips only a system that needs attention and keeps finished batches', async () => {
  const { id } = await hiddenRequest(1);
  await claimAt(api.database, id, RUN);
  const version = Number(await wakeVersion(id));
  expect((await post(id, 'skip', { system: 'app', reason: 'system retired' })).json).toMatchObject({
    status: 409,
    code: 'not_in_attention',
  });
  expect(await wakeVersion(id)).toBe(version);
  await raiseRequestAttention(id, 'app', 'system_unavailable');
  await api.sql`UPDATE lethe.batch_work SET state = 'attested' WHERE request_id = ${id} AND system = 'mail'`;
  expect((await post(id, 'skip', { system: 'mail', reason: 'no' })).json).toMatchObject({
    code: 'not_in_attention',
  });
  expect((await post(id, 'skip', { system: 'app' })).status).toBe(422);
  const answer = await post(id, 'skip', { system: 'app', reason: 'system retired' });
  expect(answer.json).toEqual({ id, system: 'app' });
  expect([...(await work(id))]).toEqual([
    { system: 'app', state: 'skipped', skipReason: 'system retired' },
    { system: 'mail', state: 'attested', skipReason: null },
  ]);
  expect(await status(id)).toMatchObject({
    attention: [],
    skipped: [{ system: 'app', reason: 'system retired', at: START.toISOString() }],
  });
  expect(await audit(id)).toContain('system.skipped');
  expect(await wakeVersion(id)).toBe(version + 1);
});

test('accepts the growth of the resolution with a retry and rejects a skip before it is resolved', async () => {
  const { id } = await hiddenRequest(1);
  await raiseRequestAttention(id, 'app', 'resolution_grew', 'resolve');
  await post(id, 'retry', { reason: 'all subjects are correct' });
  const [row] = await api.sql`SELECT growth_accepted FROM lethe.requests WHERE id = ${id}`;
  expect(row).toEqual({ growthAccepted: true });
  const early = await submitDeletion(api, [user('early')]);
  await raiseRequestAttention(early, 'app', 'system_unavailable', 'resolve');
  expect((await post(early, 'skip', { system: 'app', reason: 'no' })).json).toMatchObject({
    code: 'not_in_attention',
  });
  expect(await status(early)).toMatchObject({ attention: [{ step: 'resolve' }] });
});
