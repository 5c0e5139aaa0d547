import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAttempt, recordAttempt } from '../../../db/deletion/attempts.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { listTaskSubjects, revealTaskSubjects } from '../../../db/tasks/subjects.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { after, days, type Ledger, ledger, PROJECT, RUN, states } from '../../support/ledger.ts';
import { webhookAt } from '../../support/webhooks.ts';
import { receiptOf, reconcile } from '../blocked/blocking.ts';
import {
  answer,
  attemptIn,
  auditOf,
  givenTaskIn,
  isDueNow,
  keyOf,
  latestCanary,
  rangesOf,
  taskOf,
  tasksOf,
  verifyIn,
} from './partner.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
});
afterAll(() => world.closeLedger());

test('opens one task for a range, however often the attempt is repeated or killed', async () => {
  const requestId = await givenTaskIn(world);
  const killed = { keepTicket: () => Promise.reject(new Error('killed')) };
  await expect(attemptIn(world, requestId, RUN, killed)).rejects.toThrow('killed');
  const dueAt = new Date(RUN.getTime() + 5 * DAY_MS);
  for (const hours of [0, 1, 2])
    expect(await attemptIn(world, requestId, after(hours))).toEqual({ step: 'delete', at: dueAt.getTime() });
  expect(await taskOf(world, requestId)).toMatchObject({
    system: 'partner',
    batch: 1,
    subjects: 3,
    state: 'open',
    openedAt: RUN,
    dueAt,
    subjectKind: 'user',
    reason: null,
    notPossible: 0,
    answeredAt: null,
    answeredBy: null,
    instruction: `Delete 3 in partner for ${requestId} until 2026-01-25 02:00 UTC.`,
  });
  expect(await auditOf(world, requestId)).toEqual([['task.opened', 'lethe', 3]]);
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});

test('divides a batch into tasks of a fixed number of subjects, and waits until the last is answered', async () => {
  const requestId = await givenTaskIn(world, 5);
  const settings = { subjectsPerTask: 2 };
  await attemptIn(world, requestId, RUN, { settings });
  const tasks = await tasksOf(world, requestId);
  expect(tasks.map(({ subjects }) => subjects).toSorted((a, b) => a - b)).toEqual([1, 2, 2]);
  for (const [index, { id }] of tasks.entries()) {
    await answer(world, id, { state: 'done' });
    const { step } = await attemptIn(world, requestId, after(31 + index), { settings });
    expect(step).toBe(index === 2 ? 'verify' : 'delete');
  }
  expect(await rangesOf(world, requestId)).toMatchObject([{ requested: 2 }, { requested: 2 }, { requested: 1 }]);
  expect(await tasksOf(world, requestId)).toHaveLength(3);
});

test('never sets a due date after the deadline of the request', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN, { settings: { within: '300 days' } });
  expect((await taskOf(world, requestId)).dueAt).toEqual(days(30));
});

test('announces a task that is late once, and then waits for its answer only', async () => {
  const requestId = await givenTaskIn(world);
  await webhookAt(world, PROJECT, 'https://hooks.test/lethe');
  await attemptIn(world, requestId, RUN, { settings: { notify: 'team@partner.test' } });
  const late = new Date(RUN.getTime() + 5 * DAY_MS);
  for (const at of [late, new Date(late.getTime() + DAY_MS)])
    expect(await attemptIn(world, requestId, at)).toEqual({ step: 'delete', at: at.getTime() + 30 * DAY_MS });
  const sent = await world.sql<{ taskEvent: string; channel: string; recipient: string | null }[]>`
    SELECT task_event, left(channel, 2) AS channel, recipient FROM lethe.deliveries
    WHERE request_id = ${requestId} AND task_id IS NOT NULL ORDER BY seq`;
  expect(sent).toEqual([
    { taskEvent: 'task.opened', channel: 'wh', recipient: null },
    { taskEvent: 'task.opened', channel: 'ma', recipient: 'team@partner.test' },
    { taskEvent: 'task.overdue', channel: 'wh', recipient: null },
    { taskEvent: 'task.overdue', channel: 'ma', recipient: 'team@partner.test' },
  ]);
  expect(await auditOf(world, requestId)).toEqual([
    ['task.opened', 'lethe', 3],
    ['task.reminded', 'lethe', 3],
  ]);
});

test('does not mail an address that is an identity of a subject', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN, { settings: { notify: latestCanary(1).toUpperCase() } });
  const [mails] =
    await world.sql`SELECT count(*)::int FROM lethe.deliveries WHERE request_id = ${requestId} AND channel = 'mail'`;
  expect(mails).toEqual({ count: 0 });
});

test('continues at once when a task is done, and names the statement and the member in the receipt', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  expect(await isDueNow(world, requestId, after(30))).toBe(false);
  expect(await answer(world, id, { state: 'done' })).toEqual({ wake: [requestId] });
  expect(await isDueNow(world, requestId, after(30))).toBe(true);
  expect((await reconcile(world, requestId)).openBatches).toMatchObject([{ system: 'partner', retry: 1 }]);
  expect(await attemptIn(world, requestId, after(31))).toMatchObject({ step: 'verify' });
  expect(await rangesOf(world, requestId)).toEqual([{ firstSeq: 1, lastSeq: 3, requested: 3 }]);
  expect(await verifyIn(world, requestId)).toEqual({ step: 'ended', end: 'attested' });
  const { systems, unverified } = await receiptOf(world, requestId);
  const saidAt = after(30).toISOString();
  expect(systems.find(({ system }) => system === 'partner')).toMatchObject({
    proof: { level: 'person', read: [], attested: [], saidAt, saidBy: ['mem_1'] },
    tables: [{ table: 'user', removed: null, requested: 3 }],
  });
  expect(systems.find(({ system }) => system === 'app')?.proof).toMatchObject({ level: 'read', saidBy: [] });
  expect(unverified).toEqual([{ system: 'partner', level: 'person', saidAt }]);
  expect(await answer(world, id, { state: 'done' })).toEqual({ wake: [] });
  await expect(answer(world, id, { state: 'not_possible', reason: 'no', subjects: null })).rejects.toMatchObject({
    code: 'task_not_open',
    details: { state: 'done' },
  });
});

test('ignores an attempt that read the task before its answer', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN);
  const key = keyOf(requestId);
  await startAttempt(world.database, key, 'running');
  await answer(world, (await taskOf(world, requestId)).id, { state: 'done' });
  const running = { attempt: 'running', pass: 1, at: after(30) };
  const next = await recordAttempt(world.database, key, running, { continueAt: days(300) });
  expect(next).toEqual({ step: 'delete', at: after(30).getTime() });
  expect(await isDueNow(world, requestId, after(30))).toBe(true);
});

test('reveals the identities, which the audit log counts, until they are purged', async () => {
  const requestId = await givenTaskIn(world, 2);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  const page = { project: PROJECT, id, after: 0, limit: 1, actor: 'mem_1', at: after(30) };
  const first = await revealTaskSubjects(world.database, page);
  expect(first).toEqual({
    subjects: [{ number: 1, identities: [{ type: 'user_id', value: [latestCanary(1)] }] }],
    hasMore: true,
  });
  expect(await listTaskSubjects(world.database, { ...page, after: 1 })).toHaveLength(1);
  await expect(revealTaskSubjects(world.database, { ...page, project: 'other' })).rejects.toMatchObject({
    code: 'task_not_found',
  });
  await answer(world, id, { state: 'done' });
  await attemptIn(world, requestId, after(31));
  await verifyIn(world, requestId);
  await reconcile(world, requestId);
  await conclude(world.database, { requestId, at: after(60) });
  await expect(revealTaskSubjects(world.database, page)).rejects.toMatchObject({ code: 'identities_purged' });
  expect(await listTaskSubjects(world.database, { ...page, limit: 9 })).toEqual([
    { number: 1, identities: [] },
    { number: 2, identities: [] },
  ]);
  expect(await auditOf(world, requestId)).toContainEqual(['task.revealed', 'mem_1', 1]);
});

test('keeps no identity in tasks, in the audit log or in notifications', async () => {
  const [all] = await world.sql<{ text: string }[]>`
    SELECT (SELECT coalesce(json_agg(t), '[]')::text FROM lethe.manual_tasks t)
      || (SELECT json_agg(a)::text FROM lethe.audit_events a)
      || (SELECT json_agg(d)::text FROM lethe.deliveries d WHERE recipient IS NULL) AS text`;
  expect(all?.text).toContain('task_');
  expect(all?.text).not.toContain('canary');
});
