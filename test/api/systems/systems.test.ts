import { expect, test } from 'vitest';
import { recordFailedCall } from '../../../db/outages/outages.ts';
import { postponeLane, reserveSlot } from '../../../db/systems/lanes.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { PROJECT, START, submitDeletion, testApi, user } from '../support/api.ts';

const lanes = {
  erase: [
    { calls: 1, perMs: 1_000 },
    { calls: 500, perMs: DAY_MS },
  ],
  read: [],
};
const systems = PROJECT.systems.map((system) => (system.name === 'mail' ? { ...system, lanes } : system));
const api = await testApi({ project: { ...PROJECT, systems } });

const list = async () => (await api.call('GET', '/v1/systems?project=demo')).json as { items: { name: string }[] };
const read = async (name = 'mail') => (await api.call('GET', `/v1/systems/${name}`)).json;
const decide = (verb: 'pause' | 'resume', body: object = {}, name = 'mail') =>
  api.call('POST', `/v1/systems/${name}/${verb}`, { project: 'demo', reason: 'ticket 7', ...body });
const IDLE = { state: 'available', outage: null, pause: null, waitingRequests: 0, lanes: [] };
const wait = (requestId: string, system = 'mail', stopped: string | null = system) => api.sql`
  INSERT INTO lethe.waits (request_id, project, system, step, batch, code, stopped, since, until)
  VALUES (${requestId}, 'demo', ${system}, 'visibility', 0, ${stopped === null ? 'rate_limit' : 'system_stopped'}, ${stopped}, ${START},
          ${stopped === null ? new Date(START.getTime() + HOUR_MS) : null})`;

test('lists every system and the archive storage with its rate limits and what was used of them', async () => {
  const key = { project: 'demo', system: 'mail', lane: 'erase' };
  for (let call = 0; call < 3; call += 1)
    await reserveSlot(api.database, key, { windows: lanes.erase, slackMs: 0, longestMs: DAY_MS });
  await postponeLane(api.database, { ...key, lane: 'read' }, HOUR_MS);
  const { items } = await list();
  expect(items.map(({ name }) => name)).toEqual(['app', 'mail', 'lethe']);
  expect(items[0]).toEqual({ name: 'app', ...IDLE });
  expect(items[1]).toMatchObject({
    ...IDLE,
    lanes: [
      {
        name: 'erase',
        windows: [
          { calls: 1, perMs: 1_000 },
          { calls: 500, perMs: DAY_MS, used: 3 },
        ],
        waiting: 2,
        postponedUntil: null,
      },
      { name: 'read', windows: [], waiting: 0, postponedUntil: expect.any(String) },
    ],
  });
  expect(await read('app')).toEqual(items[0]);
});

test('pauses a system with a reason, shows what waits for it in the system and in each request, and resumes it', async () => {
  const [first, second] = [await submitDeletion(api, [user('u-1')]), await submitDeletion(api, [user('u-2')])];
  const paused = await decide('pause');
  expect(paused.status).toBe(200);
  await wait(first);
  await wait(second, 'mail', null);
  expect(await read()).toMatchObject({
    state: 'paused',
    pause: { since: START.toISOString(), reason: 'ticket 7', pausedBy: api.owner.memberId },
    waitingRequests: 2,
  });
  const statusOf = async (id: string) => (await api.call('GET', `/v1/requests/${id}`)).json;
  const since = START.toISOString();
  expect(await statusOf(first)).toMatchObject({
    attention: [],
    waits: [{ system: 'mail', reason: 'paused', since, until: null }],
  });
  expect(await statusOf(second)).toMatchObject({
    waits: [{ system: 'mail', reason: 'rate_limit', since, until: new Date(START.getTime() + HOUR_MS).toISOString() }],
  });

  api.orchestrator.signaled.splice(0);
  const resumed = await decide('resume');
  expect(resumed.json).toMatchObject({ name: 'mail', state: 'available', pause: null, waitingRequests: 1 });
  expect(api.orchestrator.signaled).toEqual([first]);
  expect(await statusOf(first)).toMatchObject({ waits: [] });
  const log = (await api.call('GET', '/v1/activity?project=demo&limit=2')).json;
  expect(log).toMatchObject({
    items: ['system.resumed', 'system.paused'].map((action) => ({
      action,
      actor: api.owner.memberId,
      requestId: null,
      detail: { system: 'mail', reason: 'ticket 7' },
    })),
  });
});

test('shows a system that refuses every call once, with its remedy, and probes it when an operator retries a request', async () => {
  const id = await submitDeletion(api, [user('u-3')]);
  const key = { project: 'demo', system: 'app' };
  await recordFailedCall(api.database, key, { code: 'system_refused', requestId: null, at: api.clock.now });
  await wait(id, 'app');
  expect(await read('app')).toMatchObject({
    state: 'refusing',
    outage: { code: 'system_refused', since: START.toISOString(), remedy: expect.stringContaining('permissions') },
    waitingRequests: 1,
  });
  const retried = await api.call('POST', `/v1/requests/${id}/retry`, { reason: 'token renewed' });
  expect([retried.status, retried.json]).toEqual([202, { id, systems: ['app'] }]);
  expect(api.orchestrator.watched).toEqual(['demo/app']);
  expect((await decide('resume', {}, 'app')).status).toBe(200);
  expect(await read('app')).toEqual({ name: 'app', ...IDLE });
});

test.each([
  ['resume', {}, 'app', 409, 'system_not_stopped'],
  ['pause', {}, 'unknown', 404, 'system_not_found'],
  ['pause', { project: 'other' }, 'mail', 404, 'project_not_found'],
  ['pause', { reason: ' ' }, 'mail', 422, 'invalid_request'],
  ['resume', { reason: undefined }, 'mail', 422, 'invalid_request'],
] as const)('answers %s with %o of %s by %i %s and changes nothing', async (verb, body, name, status, code) => {
  const rows = () => api.sql`SELECT * FROM lethe.system_pauses, lethe.audit_events`;
  const before = await rows();
  expect((await decide(verb, body, name)).json).toMatchObject({ status, code });
  expect(await rows()).toEqual(before);
});
