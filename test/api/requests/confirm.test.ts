import { describe, expect, test } from 'vitest';
import { storeCount } from '../../../db/resolution/counts.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import type { Resolved } from '../../../domain/identity.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { match } from '../../support/ledger.ts';
import { applyVisibility, hide, matchOf, resolve } from '../support/ledger.ts';
import { bearerOf, deletionOf, START, submitDeletion, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();
const otherOwner = await api.member('another owner');
const admin = await api.member('an admin', { role: 'admin' });

const everyone = (more: Record<string, unknown> = {}) => ({ kind: 'user', everyone: true, ...more });
const create = (subjects: unknown, more: Record<string, unknown> = {}) =>
  api.call('POST', '/v1/requests', { ...deletionOf([]), subjects, confirm: true, ...more });
const confirm = (id: string, body: unknown, headers: Record<string, string> = bearerOf(otherOwner)) =>
  api.call('POST', `/v1/requests/${id}/confirm`, body, headers);
const read = async (id: string) => (await api.call('GET', `/v1/requests/${id}`)).json;
const validationError = (pointer: string, code: string) => ({ in: 'body', pointer, code, detail: expect.any(String) });

/** Subjects of everyone have no submitted position. */
const selected = (key: string): Resolved => match(null, { type: 'user_id', value: [key] });

/** Resolves and counts the request, as a worker does. */
async function counted(id: string, facts: readonly Resolved[], excepted: readonly Resolved[] | null = null) {
  const pages = async function* () {
    yield excepted ?? [];
  };
  await resolve(api.database, id, facts, START, excepted === null ? {} : { excepted: pages() });
  await storeCount(api.database, { requestId: id, system: 'app' }, { 'app.users': 2, 'app.events': 40 });
  await storeCount(api.database, { requestId: id, system: 'mail' }, null);
  await applyVisibility(api.database, id, START);
  return id;
}
const countedDeletion = async (identities: readonly ReturnType<typeof user>[], more: Record<string, unknown> = {}) =>
  counted(
    await submitDeletion(api, identities, { confirm: true, ...more }),
    identities.map(({ value }, index) => matchOf(index + 1, String(value))),
  );

/** Resolves once another transaction waits for a locked row. */
async function waitForBlockedTransaction(): Promise<void> {
  const waits = () => api.sql`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await waits()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('submitting a request for everyone', () => {
  test('rejects everyone without confirm and accepts it with confirm from any member', async () => {
    for (const member of [api.owner, admin]) {
      const rejected = await api.call(
        'POST',
        '/v1/requests',
        { ...deletionOf([]), subjects: everyone() },
        bearerOf(member),
      );
      expect([rejected.status, rejected.json]).toMatchObject([
        422,
        { errors: [validationError('/confirm', 'needs_confirmation')] },
      ]);
    }
    const body = { ...deletionOf([]), subjects: everyone(), confirm: true };
    const response = await api.call('POST', '/v1/requests', body, bearerOf(admin));
    expect([response.status, response.json]).toMatchObject([202, { status: 'received', submitted: 0 }]);
  });

  test('rejects exceptions without everyone and invalid exceptions', async () => {
    const except = [user('a'), { type: 'none', value: 'x' }, { type: 'xng_id', value: 'no uuid' }, user('')];
    expect((await create(everyone({ except }))).json).toMatchObject({
      errors: [
        validationError('/subjects/except/1/type', 'unknown_type'),
        validationError('/subjects/except/2/value', 'not_a_uuid'),
        validationError('/subjects/except/3/value', 'empty'),
      ],
    });
    for (const subjects of [
      { kind: 'user', segment: 's', except: [user('a')] },
      { kind: 'user', identities: [user('b')], except: [user('a')] },
    ])
      expect((await create(subjects)).json).toMatchObject({ errors: [validationError('/subjects/except', 'custom')] });
    const many = Array.from({ length: 2_001 }, (_, n) => user(`x-${n}`));
    expect((await create(everyone({ except: many }))).json).toMatchObject({ code: 'too_many_subjects', limit: 2_000 });
    const [row] = await api.sql`SELECT count(*) AS count FROM lethe.excepted_identities`;
    expect(row).toEqual({ count: 0 });
  });

  test('stores request and 2 000 exceptions in one statement', async () => {
    const except = Array.from({ length: 2_000 }, (_, n) => user(`x-${n}`));
    api.statements();
    const id = textOf(await create(everyone({ except })), 'id');
    expect(api.statements()).toHaveLength(2);
    expect(await read(id)).toMatchObject({ confirmation: { except: { submitted: 2_000, unmatched: [] } } });
  });
});

test('returns subjects, rows per table, deadline and who can confirm a counted request', async () => {
  const id = await submitDeletion(api, [user('t-1'), user('t-2')], { confirm: true });
  expect(await read(id)).toMatchObject({
    status: 'received',
    confirmation: {
      needs: 'member',
      until: null,
      subjects: null,
      counts: [],
      except: null,
      confirmedAt: null,
      confirmedBy: null,
    },
    links: { confirm: `/v1/requests/${id}/confirm` },
  });
  await counted(id, [matchOf(1, 't-1'), matchOf(2, 't-2')]);
  expect(await read(id)).toMatchObject({
    status: 'awaiting_confirmation',
    cancellableUntil: null,
    subjects: { states: { proposed: 2 } },
    confirmation: {
      until: new Date(START.getTime() + 3 * DAY_MS).toISOString(),
      subjects: 2,
      counts: [
        {
          system: 'app',
          tables: [
            { table: 'app.users', rows: 2 },
            { table: 'app.events', rows: 40 },
          ],
        },
        { system: 'mail', tables: null },
      ],
    },
  });
  const subjects = await api.call('GET', `/v1/requests/${id}/subjects`);
  expect(subjects.json).toMatchObject({ items: [{ outcome: 'matched' }, { outcome: 'matched' }] });
  const listed = await api.call('GET', '/v1/requests?status=awaiting_confirmation');
  expect(listed.json).toMatchObject({ items: [{ id, status: 'awaiting_confirmation' }] });
  const lookedUp = await api.call('POST', '/v1/subjects/lookup', {
    project: 'demo',
    kind: 'user',
    identity: user('t-1'),
  });
  expect(lookedUp.json).toMatchObject({ openRequests: [{ id, status: 'awaiting_confirmation', outcome: 'matched' }] });
  expect(await read(await submitDeletion(api, [user('t-3')]))).toMatchObject({ confirmation: null });
});

test('confirms a request once, signals the workflow and records the member', async () => {
  const id = await countedDeletion([user('c-1'), user('c-2')]);
  api.orchestrator.signaled = [];
  api.clock.now = new Date(START.getTime() + DAY_MS);
  const answer = await confirm(id, { expectedCount: 2 });
  const hardDeleteAt = '2026-12-09T02:00:00.000Z';
  expect([answer.status, answer.json]).toMatchObject([
    202,
    { id, subjects: 2, attached: 0, hardDeleteAt, cancellableUntil: hardDeleteAt },
  ]);
  expect(api.orchestrator.signaled).toEqual([id]);
  expect(await read(id)).toMatchObject({
    status: 'grace',
    hardDeleteAt,
    subjects: { states: { proposed: 0, resolved: 2 } },
    confirmation: { subjects: 2, confirmedAt: api.clock.now.toISOString(), confirmedBy: otherOwner.memberId },
  });
  const [event, ...more] = await api.sql<{ actor: string; detail: unknown }[]>`
    SELECT actor, detail FROM lethe.audit_events WHERE request_id = ${id} AND action = 'request.confirmed'`;
  expect(event).toEqual({ actor: otherOwner.memberId, detail: { subjects: 2, attached: 0 } });
  expect(more).toEqual([]);
  expect((await confirm(id, { expectedCount: 2 })).json).toMatchObject({ code: 'not_awaiting_confirmation' });
  api.clock.now = START;
});

test('changes nothing and signals no workflow when a confirmation is rejected', async () => {
  const id = await countedDeletion([user('r-1'), user('r-2')]);
  const uncounted = await submitDeletion(api, [user('r-3')], { confirm: true });
  const ordinary = await submitDeletion(api, [user('r-4')]);
  const everyoneRequest = await counted(textOf(await create(everyone()), 'id'), [selected('r-9')]);
  const state = () => api.sql`SELECT request_id, seq, state, hidden, generation FROM lethe.subjects ORDER BY 1, 2`;
  const before = [await state(), await api.sql`SELECT max(id) FROM lethe.audit_events`];
  api.orchestrator.signaled = [];
  const two = { expectedCount: 2 };
  expect(await confirm(id, { expectedCount: 3 })).toMatchObject({
    status: 409,
    json: { code: 'count_moved', subjects: 2 },
  });
  expect(await confirm(uncounted, two)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  expect(await confirm(ordinary, two)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  for (const member of [api.owner, admin])
    expect(await confirm(everyoneRequest, { expectedCount: 1 }, bearerOf(member))).toMatchObject({
      status: 403,
      json: { code: 'needs_another_owner' },
    });
  for (const body of [{}, { expectedCount: 0 }, { expectedCount: '2' }, { expectedCount: 2, more: 1 }])
    expect(await confirm(id, body)).toMatchObject({ status: 422, json: { code: 'invalid_request' } });
  expect(await confirm(id, two, bearerOf(api.otherOwner))).toMatchObject({
    status: 404,
    json: { code: 'request_not_found' },
  });
  api.clock.now = new Date(START.getTime() + 3 * DAY_MS);
  expect(await confirm(id, two)).toMatchObject({ status: 409, json: { code: 'confirmation_expired' } });
  api.clock.now = START;
  expect([await state(), await api.sql`SELECT max(id) FROM lethe.audit_events`]).toEqual(before);
  expect(api.orchestrator.signaled).toEqual([]);
});

test('rejects the confirmation of everyone by an owner who was added after the submission', async () => {
  const id = await counted(textOf(await create(everyone()), 'id'), [selected('new-1')]);
  api.clock.now = new Date(START.getTime() + 1_000);
  const newOwner = await api.member('new owner');
  const rejected = await confirm(id, { expectedCount: 1 }, bearerOf(newOwner));
  expect([rejected.status, rejected.json]).toMatchObject([403, { code: 'needs_another_owner' }]);
  expect(await read(id)).toMatchObject({ status: 'awaiting_confirmation', subjects: { states: { proposed: 1 } } });
  expect((await confirm(id, { expectedCount: 1 })).status).toBe(202);
  api.clock.now = START;
});

test('rejects the confirmation of everyone with another token of the submitter', async () => {
  const id = await counted(textOf(await create(everyone()), 'id'), [selected('s-1')]);
  const created = await api.call('POST', '/v1/tokens', { name: 'second' });
  expect(await confirm(id, { expectedCount: 1 }, bearerOf({ token: textOf(created, 'token') }))).toMatchObject({
    status: 403,
    json: { code: 'needs_another_owner' },
  });
  // A token with role admin does not suffice, even if its member is an owner.
  const lesser = await api.call('POST', '/v1/tokens', { name: 'lesser', role: 'admin' }, bearerOf(otherOwner));
  expect(await confirm(id, { expectedCount: 1 }, bearerOf({ token: textOf(lesser, 'token') }))).toMatchObject({
    json: { code: 'needs_another_owner' },
  });
  expect(await confirm(id, { expectedCount: 1 })).toMatchObject({ status: 202 });
});

test('rejects the confirmation of an owner who is removed while the call waits for the lock', async () => {
  const removedOwner = await api.member('an owner who is removed');
  const id = await counted(textOf(await create(everyone()), 'id'), [selected('r-1')]);
  const { answer } = await withProjectLock(api.database, 'demo', async (tx) => {
    const sent = confirm(id, { expectedCount: 1 }, bearerOf(removedOwner));
    await waitForBlockedTransaction();
    await tx.$client`UPDATE lethe.members SET removed_at = ${START} WHERE id = ${removedOwner.memberId}`;
    return { answer: sent };
  });
  expect((await answer).json).toMatchObject({ status: 401, code: 'unauthorized' });
  expect(await read(id)).toMatchObject({ status: 'awaiting_confirmation', confirmation: { confirmedBy: null } });
  expect((await confirm(id, { expectedCount: 1 })).status).toBe(202);
});

test('requires acceptUnmatched when an exception matches no subject', async () => {
  const except = [user('excluded'), user('misspelled')];
  const id = await counted(
    textOf(await create(everyone({ except })), 'id'),
    ['excluded', 'u-1'].map((key) => ({ ...matchOf(0, key), position: null }) as Resolved),
    [matchOf(1, 'excluded')],
  );
  expect(await read(id)).toMatchObject({
    confirmation: { needs: 'another_owner', subjects: 1, except: { submitted: 2, unmatched: [2] } },
  });
  expect(await confirm(id, { expectedCount: 1 })).toMatchObject({
    status: 409,
    json: { code: 'unmatched_exceptions', positions: [2] },
  });
  expect(await confirm(id, { expectedCount: 1, acceptUnmatched: true })).toMatchObject({ status: 202 });
});

test('lowers the count for cancelled subjects and ends the request when all are cancelled', async () => {
  const id = await countedDeletion([user('x-1'), user('x-2'), user('x-3')]);
  const some = await api.call('POST', `/v1/requests/${id}/cancel`, { positions: [1] });
  expect(some.json).toMatchObject({ cancelled: 1, tooLate: [] });
  expect(await confirm(id, { expectedCount: 3 })).toMatchObject({ json: { code: 'count_moved', subjects: 2 } });
  await api.call('POST', `/v1/requests/${id}/cancel`, {});
  expect(await confirm(id, { expectedCount: 2 })).toMatchObject({ json: { code: 'not_awaiting_confirmation' } });
  await applyVisibility(api.database, id, START);
  await conclude(api.database, { requestId: id, at: START });
  expect(await read(id)).toMatchObject({ status: 'cancelled', subjects: { states: { cancelled: 3 } } });
});

test('rejects the confirmation with onConflict reject when another request owns a subject by then', async () => {
  const id = await countedDeletion([user('o-1'), user('o-2')], { onConflict: 'reject' });
  const other = await submitDeletion(api, [user('o-2')]);
  await hide(api.database, other, [matchOf(1, 'o-2')], START);
  expect(await confirm(id, { expectedCount: 2 })).toMatchObject({
    status: 409,
    json: { code: 'subject_conflict', positions: [2] },
  });
  const attaching = await countedDeletion([user('o-2'), user('o-3')]);
  expect(await confirm(attaching, { expectedCount: 2 })).toMatchObject({ status: 202, json: { attached: 1 } });
});

test('contains no exception in responses, log lines or stored rows in clear', async () => {
  const canary = 'canary-excluded-person';
  const id = textOf(await create(everyone({ except: [user(canary)] })), 'id');
  const invalid = await create(everyone({ except: [{ type: 'number', value: canary }] }));
  await counted(id, [selected('other')], [matchOf(1, canary)]);
  const answers = [invalid, await api.call('GET', `/v1/requests/${id}`), await confirm(id, { expectedCount: 9 })];
  for (const { text } of answers) expect(text).not.toContain(canary);
  expect(api.log.join()).not.toContain(canary);
  const rows = await api.sql`
    SELECT to_jsonb(r)::text AS row FROM lethe.requests r UNION ALL SELECT to_jsonb(e)::text FROM lethe.excepted_identities e
    UNION ALL SELECT to_jsonb(a)::text FROM lethe.audit_events a UNION ALL SELECT to_jsonb(d)::text FROM lethe.excepted_digests d`;
  expect(JSON.stringify(rows)).not.toContain(canary);
});
