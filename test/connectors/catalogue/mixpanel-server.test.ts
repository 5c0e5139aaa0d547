import { afterEach, beforeEach, expect, test } from 'vitest';
import { MIXPANEL, type MixpanelStandIn, startMixpanel } from '../../support/servers/stand-ins/mixpanel.ts';
import { HOUR, MINUTE, testClock, type TestClock } from '../../support/servers/stand-ins/server/clock.ts';
import { idsOf, PEOPLE } from './systems.ts';

// The decisions where Mixpanel's OpenAPI and its reference page contradict each other.

let clock: TestClock;
let server: MixpanelStandIn;
beforeEach(async () => {
  clock = testClock();
  server = await startMixpanel({ people: PEOPLE, clock, aliases: { 'alias-1': ['canary-1'] } });
});
afterEach(() => server.close());

async function call(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  clock.advance(1000);
  const answer = await fetch(`${server.url}/api/app/${path}?token=${MIXPANEL.projectToken}`, {
    method,
    headers: { authorization: `Bearer ${MIXPANEL.gdprToken}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? null : (JSON.parse(text) as unknown) };
}
const create = (ids: readonly string[]) =>
  call('POST', 'data-deletions/v3.0/', JSON.stringify({ distinct_ids: ids, compliance_type: 'gdpr' }));

test('reads JSON under the content type of a form, with and without a slash at the end', async () => {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const one = await call('POST', 'data-deletions/v3.0', '{"distinct_ids":["canary-1"]}', type);
  expect(one).toEqual({ status: 201, json: { status: 'ok', results: { task_id: '1583792934719392965' } } });
  expect((await call('GET', 'data-deletions/v3.0/1583792934719392965/')).status).toBe(200);
});

test('describes a deletion by exactly seven keys, also one that it does not know', async () => {
  await create(['canary-1']);
  const task = await call('GET', 'data-deletions/v3.0/1583792934719392965');
  expect(task.json).toEqual({
    status: 'ok',
    results: {
      tracking_id: '1583792934719392965',
      status: 'PENDING',
      requesting_user: 'owner@example.com',
      compliance_type: 'GDPR',
      project_id: 1_978_118,
      date_requested: '2026-02-01T00:00:01',
      distinct_ids: ['canary-1'],
    },
  });
  expect((await call('GET', 'data-deletions/v3.0/1')).json).toMatchObject({
    results: { status: 'NOT_FOUND', tracking_id: '', project_id: 0, distinct_ids: [] },
  });
});

test('refuses the whole batch when one id is in a running task, and enqueues nothing', async () => {
  await create(['canary-1']);
  const second = await create(['canary-2', 'canary-1']);
  expect(second.status).toBe(409);
  expect(second.json).toMatchObject({
    error: { conflicting_distinct_ids: ['canary-1'], conflicting_task_ids: ['1583792934719392965'] },
  });
  expect(server.tasks).toHaveLength(1);
});

test.each(['by its id', 'by its ids of people'])('cancels a task %s until it is started', async (form) => {
  const cancel = () =>
    form === 'by its id'
      ? call('DELETE', 'data-deletions/v3.0/1583792934719392965')
      : call('DELETE', 'data-deletions/v3.0/', JSON.stringify({ distinct_ids: ['canary-1'] }));
  await create(['canary-1']);
  clock.advance(HOUR + MINUTE);
  expect((await cancel()).status).toBe(204);
  expect((await cancel()).status).toBe(405);
  clock.advance(24 * HOUR);
  expect(server.present()).toEqual(idsOf(PEOPLE));
});

test('does not cancel a started task, which deletes the person of an alias too', async () => {
  await create(['alias-1']);
  clock.advance(3 * HOUR);
  expect((await call('DELETE', 'data-deletions/v3.0/1583792934719392965')).status).toBe(405);
  clock.advance(24 * HOUR);
  expect(server.present()).toEqual(idsOf(PEOPLE.slice(1)));
});

test('limits calls to one a second, and bodies to 2,000 ids', async () => {
  const many = Array.from({ length: 2001 }, (_, index) => `u-${index}`);
  expect((await create(many)).status).toBe(400);
  clock.advance(-1000);
  const answer = await fetch(`${server.url}/api/app/data-deletions/v3.0/1?token=${MIXPANEL.projectToken}`, {
    headers: { authorization: `Bearer ${MIXPANEL.gdprToken}` },
  });
  expect([answer.status, await answer.text()]).toEqual([429, 'Too Many Requests, this API is limited to 1 req/s']);
});
