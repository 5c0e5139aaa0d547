import { expect, test } from 'vitest';
import { storeCount } from '../../../db/resolution/counts.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { newId } from '../../../domain/ids.ts';
import { actions, activity, log } from '../support/events.ts';
import {
  applyVisibility,
  identityFactOf,
  claimAt,
  concludeAll,
  deleteFirstBatch,
  givenHiddenSubjects,
  hide,
  matchesOf,
  matchOf,
  resolve,
} from '../support/ledger.ts';
import { submitDeletion, bearerOf, deletionOf, RUN, START, testApi, textOf, user } from '../support/api.ts';
import { upload } from '../uploads/upload.ts';

const api = await testApi();

const raiseDeleteAttention = (requestId: string, system: string) =>
  withProjectLock(api.database, 'demo', async (tx) => {
    const key = { project: 'demo', requestId, system, step: 'delete', batch: 1 } as const;
    await raiseAttention(tx, key, { code: 'system_refused', at: RUN, retryAt: null });
    await tx.$client`UPDATE lethe.batch_work SET state = 'attention' WHERE request_id = ${requestId} AND system = ${system}`;
  });

test('records every change with the member who made it and automatic actions without a name', async () => {
  const dora = await api.member('Dora Dahl');
  const as = bearerOf(dora);
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await api.call(method, path, body, as);
    expect({ path, ok: answer.status < 300 }).toEqual({ path, ok: true });
    return answer;
  };
  const submit = async (...names: readonly string[]) => {
    const id = textOf(await call('POST', '/v1/requests', deletionOf(names.map(user))), 'id');
    await hide(api.database, id, matchesOf(names), START);
    return id;
  };
  const open = await submit('d-1', 'd-2');
  await call('POST', `/v1/requests/${open}/cancel`, { positions: [2] });
  await call('POST', `/v1/requests/${open}/expedite`, { when: 'now', reason: 'ticket 1' });
  const stuck = await submit('d-3');
  await claimAt(api.database, stuck, RUN);
  for (const system of ['app', 'mail']) await raiseDeleteAttention(stuck, system);
  await call('POST', `/v1/requests/${stuck}/retry`, { system: 'app', reason: 'ticket 2' });
  await call('POST', `/v1/requests/${stuck}/skip`, { system: 'mail', reason: 'ticket 3' });
  const counted = textOf(await call('POST', '/v1/requests', deletionOf([user('d-4')], { confirm: true })), 'id');
  await resolve(api.database, counted, [matchOf(1, 'd-4')], START);
  await storeCount(api.database, { requestId: counted, system: 'app' }, { 'app.users': 1 });
  await storeCount(api.database, { requestId: counted, system: 'mail' }, null);
  await applyVisibility(api.database, counted, START);
  await call('POST', `/v1/requests/${counted}/confirm`, { expectedCount: 1 });
  expect((await upload(api, 'user_id\nd-5\n', {}, as)).status).toBe(202);
  const identity = user('d-1');
  const hold = { project: 'demo', kind: 'user', identities: [identity], caseRef: 'C-7', heldBy: 'counsel' };
  const holdId = textOf(await call('POST', '/v1/holds', hold), 'id');
  await call('DELETE', `/v1/holds/${holdId}`);
  for (const method of ['POST', 'DELETE']) {
    await call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity });
  }
  const token = textOf(await call('POST', '/v1/tokens', { name: 'job' }), 'id');
  await call('DELETE', `/v1/tokens/${token}`);
  const member = textOf(await call('POST', '/v1/members', { name: 'Emil', role: 'admin' }), 'id');
  await call('DELETE', `/v1/members/${member}`);

  const byDora = await activity(api, `actor=${dora.memberId}`);
  expect(new Set(byDora.map(({ actorName }) => actorName))).toEqual(new Set(['Dora Dahl']));
  expect(actions(byDora).toReversed()).toEqual([
    'request.received',
    'subjects.cancelled',
    'request.expedited',
    'request.received',
    'system.retried',
    'system.skipped',
    'request.received',
    'request.confirmed',
    'request.received',
    'hold.placed',
    'hold.released',
    'suppression.placed',
    'suppression.lifted',
    'token.minted',
    'token.revoked',
    'member.added',
    'token.minted',
    'member.removed',
  ]);
  expect(byDora.find(({ action }) => action === 'system.skipped')).toMatchObject({
    requestId: stuck,
    detail: { system: 'mail', reason: 'ticket 3' },
  });
  const automatic = await activity(api, 'actor=lethe');
  expect(actions(automatic)).toContain('subjects.claimed');
  expect(new Set(automatic.map(({ actorName }) => actorName))).toEqual(new Set([null]));
  const [names] = await api.sql`
    SELECT (SELECT array_agg(DISTINCT submitted_by) FROM lethe.requests WHERE id IN (${open}, ${stuck})) AS submitted,
           (SELECT skipped_by FROM lethe.batch_work WHERE request_id = ${stuck} AND state = 'skipped') AS skipped,
           (SELECT released_by FROM lethe.holds WHERE id = ${holdId}) AS released`;
  expect(names).toEqual({ submitted: [dora.memberId], skipped: dora.memberId, released: dora.memberId });
});

test('records the reason of an expedited deletion', async () => {
  const expedite = { when: 'next_run', reason: 'ticket 8' };
  const id = await submitDeletion(api, [user('expedited')], { expedite });
  await api.call('POST', `/v1/requests/${id}/expedite`, { when: 'now', reason: 'ticket 9' });
  expect(await log(api, id)).toMatchObject([
    { action: 'request.received', detail: { expedite: 'next_run', reason: 'ticket 8' } },
    { action: 'request.expedited', detail: { expedite: 'now', reason: 'ticket 9' } },
  ]);
});

test('does not record a rejected call', async () => {
  const id = await givenHiddenSubjects(api, 'refused');
  const before = await activity(api);
  for (const [verb, body] of [
    ['retry', { reason: 'ticket' }],
    ['skip', { system: 'app', reason: 'ticket' }],
    ['cancel', { positions: [99] }],
    ['expedite', { when: 'yesterday', reason: 'ticket' }],
  ] as const) {
    expect((await api.call('POST', `/v1/requests/${id}/${verb}`, body)).status).toBeGreaterThanOrEqual(400);
  }
  expect(await activity(api)).toEqual(before);
});

test('returns the events of one request only and hides them from other projects', async () => {
  const id = await givenHiddenSubjects(api, 'l-1');
  const other = await givenHiddenSubjects(api, 'l-2');
  await claimAt(api.database, id, RUN);
  await applyVisibility(api.database, id, RUN);
  await deleteFirstBatch(api.database, id, RUN);
  await concludeAll(api.database, id, new Date(RUN.getTime() + 2 * DAY_MS));
  const events = await log(api, id);
  expect(new Set(events.map(({ requestId }) => requestId))).toEqual(new Set([id]));
  expect(actions(events).at(0)).toBe('request.received');
  expect(actions(events).at(-1)).toBe('request.completed');
  expect(events.map((event) => event.id)).toEqual(events.map((event) => event.id).toSorted((a, b) => a - b));
  expect(actions(await log(api, other))).not.toContain('subjects.claimed');
  expect(await activity(api, `requestId=${id}`)).toHaveLength(events.length);
  expect((await api.call('GET', `/v1/requests/${id}`)).json).toMatchObject({
    links: { log: `/v1/requests/${id}/log` },
  });

  const theirs = bearerOf(api.otherOwner);
  expect(await activity(api, `requestId=${id}`, theirs)).toEqual([]);
  for (const accept of ['application/json', 'text/csv']) {
    const [foreign, unknown] = await Promise.all(
      [id, newId('request', 0)].map((one) =>
        api.call('GET', `/v1/requests/${one}/log`, undefined, { ...theirs, Accept: accept }),
      ),
    );
    expect(foreign?.json).toMatchObject({ status: 404, code: 'request_not_found' });
    expect({ ...(foreign?.json as object), instance: null }).toEqual({ ...(unknown?.json as object), instance: null });
  }
});

test('contains no identity in activity or log after a complete deletion', async () => {
  const email = { type: 'email', value: ['Canary-ann@x.test', 'canary-berlin'] };
  const id = await submitDeletion(
    api,
    [user('canary-1'), { type: 'alias', value: 'canary-alias' }, email, user('canary-4'), user('canary-1')],
    { suppress: true, expedite: { when: 'next_run', reason: 'ticket 5' } },
  );
  const run = new Date('2026-11-24T02:00:00.000Z');
  await hide(
    api.database,
    id,
    [
      matchOf(1, 'canary-1'),
      matchOf(2, 'canary-2'),
      matchOf(3, 'canary-3'),
      matchOf(4, 'canary-4'),
      identityFactOf('canary-3', 'email', ['canary-ann@x.test', 'canary-berlin']),
      identityFactOf('canary-2', 'alias', ['canary-alias'], 1),
    ],
    START,
  );
  const hold = { project: 'demo', kind: 'user', identities: [email, user('canary-1')], caseRef: 'C-9', heldBy: 'me' };
  const holdId = textOf(await api.call('POST', '/v1/holds', hold), 'id');
  await api.call('DELETE', `/v1/holds/${holdId}`);
  for (const method of ['POST', 'DELETE']) {
    await api.call(method, '/v1/suppressions', { project: 'demo', kind: 'user', identity: email });
  }
  await api.call('POST', `/v1/requests/${id}/cancel`, { positions: [4] });
  await applyVisibility(api.database, id, START);
  await claimAt(api.database, id, run);
  await raiseDeleteAttention(id, 'mail');
  await api.call('POST', `/v1/requests/${id}/retry`, { reason: 'ticket 6' });
  await applyVisibility(api.database, id, run);
  await deleteFirstBatch(api.database, id, run);
  await concludeAll(api.database, id, new Date(run.getTime() + 2 * DAY_MS));

  expect(actions(await log(api, id))).toEqual(
    expect.arrayContaining(['request.received', 'subjects.cancelled', 'subjects.claimed', 'request.completed']),
  );
  for (const path of [`/v1/activity?requestId=${id}`, '/v1/activity?action=hold.*', `/v1/requests/${id}/log`]) {
    for (const accept of ['application/json', 'text/csv']) {
      const { status, text } = await api.call('GET', path, undefined, { Accept: accept });
      expect({ path, status, canary: /canary/i.test(text) }).toEqual({ path, status: 200, canary: false });
    }
  }
});
