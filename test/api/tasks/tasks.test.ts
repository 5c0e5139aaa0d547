import { beforeAll, beforeEach, expect, test } from 'vitest';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import type { SystemEntry } from '../../../domain/catalog.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { PROJECT, RUN, testApi } from '../support/api.ts';
import { claimAt, givenHiddenSubjects } from '../support/ledger.ts';
import { allPages } from '../support/pages.ts';

const partner: SystemEntry = {
  name: 'partner',
  kinds: ['user'],
  identityTypes: { user: { user_id: { comparison: 'exact', parts: 1 } } },
  hides: false,
  segments: false,
  exports: false,
  counts: false,
  suppresses: false,
  scopes: ['data'],
  verification: 'person',
  completesWithinMs: DAY_MS,
  dataMapHash: 'p1',
};
const api = await testApi({ project: { ...PROJECT, systems: [...PROJECT.systems, partner] } });

let requestId: string;
let task: string;
let number = 0;
beforeAll(() => void (api.clock.now = RUN));
beforeEach(async () => {
  number += 1;
  const names = [1, 2, 3].map((each) => `canary-${number}-${each}`);
  api.clock.now = new Date(RUN.getTime() - 15 * DAY_MS);
  requestId = await givenHiddenSubjects(api, ...names);
  api.clock.now = RUN;
  await claimAt(api.database, requestId, RUN);
  await api.sql`INSERT INTO lethe.batch_work (request_id, batch, system, state, first_seq, last_seq, size)
    VALUES (${requestId}, 1, 'partner', 'deleting', 1, 3, 3) ON CONFLICT DO NOTHING`;
  const opened = await ledgerTasks(api.database, { project: 'demo', system: 'partner' }).open({
    requestId,
    batch: 1,
    pass: 1,
    firstSeq: 1,
    lastSeq: 3,
    except: [],
    at: RUN,
    instruction: 'Delete {subjects} in {system}.',
    notify: null,
    withinMs: DAY_MS,
  });
  task = opened ?? '';
  api.orchestrator.signaled = [];
});
const get = async (path: string) => (await api.call('GET', path)).json;
const post = (path: string, body?: unknown) => api.call('POST', `/v1/tasks/${task}/${path}`, body);
const auditOf = async () => {
  const { items } = (await get(`/v1/requests/${requestId}/log`)) as {
    items: { action: string; actor: string; detail: unknown }[];
  };
  return items
    .filter(({ action }) => action.startsWith('task.'))
    .map(({ action, actor, detail }) => ({ action, actor, detail }));
};

test('lists tasks by state, system, request and lateness, without identities', async () => {
  const row = {
    id: task,
    system: 'partner',
    requestId,
    batch: 1,
    subjectKind: 'user',
    subjects: 3,
    instruction: 'Delete 3 in partner.',
    openedAt: RUN.toISOString(),
    overdue: false,
    state: 'open',
    dueAt: new Date(RUN.getTime() + DAY_MS).toISOString(),
    notPossible: 0,
    reason: null,
    answeredAt: null,
    answeredBy: null,
  };
  const mine = `/v1/tasks?project=demo&requestId=${requestId}`;
  expect(await get(mine)).toEqual({ items: [row], nextCursor: null });
  for (const filter of ['state=open', 'system=partner', 'overdue=false'])
    expect(await get(`${mine}&${filter}`)).toMatchObject({ items: [{ id: task }] });
  for (const filter of ['state=done', 'system=app', 'overdue=true'])
    expect(await get(`${mine}&${filter}`)).toMatchObject({ items: [] });
  api.clock.now = new Date(RUN.getTime() + DAY_MS + HOUR_MS);
  expect(await get(`${mine}&overdue=true`)).toMatchObject({ items: [{ id: task, overdue: true }] });
  await post('done');
  expect(await get(`${mine}&overdue=false`)).toMatchObject({ items: [{ id: task, overdue: false, state: 'done' }] });
  expect(await get(`/v1/tasks?state=open&requestId=${requestId}`)).toMatchObject({ items: [] });
  expect(JSON.stringify(await get('/v1/tasks'))).not.toContain('canary');
});

test('pages tasks, newest first', async () => {
  const ids = (await allPages(api, '/v1/tasks?limit=1')).flat();
  expect(ids).toContain(task);
  expect(ids).toEqual(ids.toSorted().toReversed());
  expect(new Set(ids).size).toBe(ids.length);
});

test('masks identities until a member reveals them, which the audit log counts', async () => {
  const masked = await api.call('GET', `/v1/tasks/${task}?limit=2`);
  expect(masked.text).not.toContain('canary');
  expect(masked.json).toMatchObject({
    id: task,
    items: [1, 2].map((each) => ({ number: each, identities: [{ type: 'user_id', value: ['c••'] }] })),
  });
  const { nextCursor } = masked.json as { nextCursor: string };
  expect(await get(`/v1/tasks/${task}?cursor=${nextCursor}`)).toMatchObject({
    items: [{ number: 3 }],
    nextCursor: null,
  });
  expect((await auditOf()).map(({ action }) => action)).toEqual(['task.opened']);

  const first = (await post('reveal?limit=2')).json as { items: unknown[]; nextCursor: string };
  expect(first.items).toEqual(
    [1, 2].map((each) => ({ number: each, identities: [{ type: 'user_id', value: [`canary-${number}-${each}`] }] })),
  );
  expect((await post(`reveal?limit=2&cursor=${first.nextCursor}`)).json).toMatchObject({
    items: [{ number: 3 }],
    nextCursor: null,
  });
  const audit = await auditOf();
  const revealed = audit.filter(({ action }) => action === 'task.revealed');
  expect(revealed.map(({ actor, detail }) => [actor, detail])).toEqual(
    [2, 1].map((subjects) => [api.owner.memberId, { task, system: 'partner', subjects }]),
  );
  expect(JSON.stringify(audit)).not.toContain('canary');
  expect(api.log.join('\n')).not.toContain('canary');
});

test('records that a task is done once, and wakes its request', async () => {
  for (let call = 0; call < 2; call += 1) expect((await post('done')).json).toEqual({ id: task, state: 'done' });
  expect(api.orchestrator.signaled).toEqual([requestId]);
  expect(await get(`/v1/tasks/${task}`)).toMatchObject({
    state: 'done',
    answeredAt: RUN.toISOString(),
    answeredBy: api.owner.memberId,
  });
  const { status, json } = await post('not-possible', { reason: 'too late' });
  expect([status, json]).toMatchObject([409, { code: 'task_not_open', state: 'done' }]);
  expect((await auditOf()).filter(({ action }) => action === 'task.done')).toHaveLength(1);
});

test('records for which subjects a task is not possible and why', async () => {
  const answered = await post('not-possible', { reason: 'the contract runs on', subjects: [3, 2] });
  expect(answered.json).toEqual({ id: task, state: 'not_possible' });
  expect(await get(`/v1/tasks/${task}`)).toMatchObject({
    state: 'not_possible',
    notPossible: 2,
    reason: 'the contract runs on',
  });
  expect(api.orchestrator.signaled).toEqual([requestId]);
  expect((await post('done')).json).toMatchObject({ code: 'task_not_open', state: 'not_possible' });
});

test('refuses numbers of subjects that the task does not have, and changes nothing', async () => {
  const { status, json } = await post('not-possible', { reason: 'unknown', subjects: [2, 7, 8] });
  expect(status).toBe(422);
  expect(json).toMatchObject({
    code: 'invalid_request',
    errors: ['/subjects/1', '/subjects/2'].map((pointer) => ({ in: 'body', pointer, code: 'unknown_subject' })),
  });
  expect(await get(`/v1/tasks/${task}`)).toMatchObject({ state: 'open', notPossible: 0 });
});

test.each(['task_01a255d4b0a070009a1be0c7f2d84e63', 'task_x', 'req_01a255d4b0a070009a1be0c7f2d84e63'])(
  'answers 404 for the task %s, which the project does not have',
  async (id) => {
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/reveal'],
      ['POST', '/done'],
    ] as const)
      expect((await api.call(method, `/v1/tasks/${id}${path}`)).json).toMatchObject({ code: 'task_not_found' });
  },
);
