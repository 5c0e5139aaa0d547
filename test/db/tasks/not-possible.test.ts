import { afterAll, beforeAll, expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { after, type Ledger, ledger, PROJECT, RUN, states } from '../../support/ledger.ts';
import { cancelPositions, givenClaimed, receiptOf, reconcile, retry, statusOf } from '../blocked/blocking.ts';
import {
  answer,
  attemptIn,
  auditOf,
  canaries,
  givenTaskIn,
  isDueNow,
  rangesOf,
  SETTINGS,
  taskOf,
  tasksOf,
  verifyIn,
} from './partner.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
});
afterAll(() => world.closeLedger());

test('blocks exactly the subjects for which it is not possible, and opens the task again only when an operator retries', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  await answer(world, id, { state: 'not_possible', reason: 'their contract', subjects: [2] });
  await attemptIn(world, requestId, after(31));
  expect(await rangesOf(world, requestId)).toEqual([
    { firstSeq: 1, lastSeq: 1, requested: 1 },
    { firstSeq: 3, lastSeq: 3, requested: 1 },
  ]);
  expect(await verifyIn(world, requestId)).toEqual({ step: 'ended', end: 'attention' });
  await reconcile(world, requestId);
  const blocked = [{ table: id, constraint: 'not_possible', subjects: 1, positions: [2] }];
  expect((await statusOf(world, requestId)).attention).toMatchObject([{ code: 'blocked_by_other_rows', blocked }]);
  expect(await states(world, requestId)).toEqual({ claimed: 1, deleted: 2 });

  expect(await attemptIn(world, requestId, after(55))).toEqual({ step: 'ended', end: 'attention' });
  expect(await taskOf(world, requestId)).toMatchObject({
    state: 'not_possible',
    reason: 'their contract',
    notPossible: 1,
  });

  await retry(world, requestId);
  expect(await taskOf(world, requestId)).toMatchObject({
    id,
    state: 'open',
    subjects: 1,
    reason: null,
    answeredBy: null,
  });
  expect(await attemptIn(world, requestId, after(56))).toMatchObject({ step: 'delete' });
  expect(await attemptIn(world, requestId, after(57))).toMatchObject({ step: 'delete' });
  // The person may be deleting it now.
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({ code: 'too_late' });
  await answer(world, id, { state: 'done' }, { actor: 'mem_2' });
  expect(await attemptIn(world, requestId, after(58))).toMatchObject({ step: 'verify' });
  expect(await verifyIn(world, requestId)).toEqual({ step: 'ended', end: 'attested' });
  await reconcile(world, requestId);
  expect(await states(world, requestId)).toEqual({ deleted: 3 });
  expect((await rangesOf(world, requestId)).map(({ requested }) => requested)).toEqual([1, 1, 1]);
  expect((await auditOf(world, requestId)).map(([action, actor]) => [action, actor])).toEqual([
    ['task.opened', 'lethe'],
    ['task.declined', 'mem_1'],
    ['task.reopened', 'operator'],
    ['task.done', 'mem_2'],
  ]);
});

test('states nothing in the name of a member when it was possible for no subject', async () => {
  const requestId = await givenTaskIn(world, 2);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  await answer(world, id, { state: 'not_possible', reason: 'no access', subjects: [2, 1, 2] });
  expect(await attemptIn(world, requestId, after(31))).toEqual({ step: 'ended', end: 'attention' });
  expect(await rangesOf(world, requestId)).toEqual([]);
  expect(await taskOf(world, requestId)).toMatchObject({ notPossible: 2 });
  const [work] =
    await world.sql`SELECT attested_at FROM lethe.batch_work WHERE request_id = ${requestId} AND system = 'partner'`;
  expect(work).toEqual({ attestedAt: null });
  await skipSystem(world.database, {
    requestId,
    system: 'partner',
    reason: 'no access',
    actor: 'mem_1',
    at: after(32),
  });
  const partner = (await receiptOf(world, requestId)).systems.find(({ system }) => system === 'partner');
  expect(partner).toMatchObject({ state: 'skipped', proof: null });
});

test('takes a cancelled subject out of a task that a retry opened again, and continues with the others', async () => {
  const requestId = await givenClaimed(world, canaries(2), ['partner']);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  await answer(world, id, { state: 'not_possible', reason: 'their contract', subjects: [2] });
  await attemptIn(world, requestId, after(31));
  await verifyIn(world, requestId);
  await retry(world, requestId);
  expect(await cancelPositions(world, requestId, [2])).toMatchObject({ cancelled: 1 });
  expect(await taskOf(world, requestId)).toMatchObject({ id, state: 'closed', subjects: 0 });
  expect(await isDueNow(world, requestId, after(33))).toBe(true);
  expect(await attemptIn(world, requestId, after(33))).toMatchObject({ step: 'verify' });
});

test('closes the task of a system that is skipped, and opens none afterwards', async () => {
  const requestId = await givenTaskIn(world);
  await attemptIn(world, requestId, RUN);
  const { id } = await taskOf(world, requestId);
  const by = { reason: 'the partner is gone', actor: 'mem_1', at: after(34) };
  expect((await reconcile(world, requestId)).waits).toEqual([
    { system: 'partner', reason: 'task', until: RUN.getTime() + 5 * DAY_MS },
  ]);
  await skipSystem(world.database, { requestId, system: 'partner', ...by });
  expect(await taskOf(world, requestId)).toMatchObject({ id, state: 'closed' });
  await expect(answer(world, id, { state: 'done' })).rejects.toMatchObject({
    code: 'task_not_open',
    details: { state: 'closed' },
  });
  const range = { requestId, batch: 1, firstSeq: 1, lastSeq: 3, except: [] };
  const text = { instruction: SETTINGS.erase, notify: null, withinMs: DAY_MS };
  const late = await ledgerTasks(world.database, { project: PROJECT, system: 'partner' }).open({
    ...range,
    ...text,
    pass: 2,
    at: after(35),
  });
  expect((await tasksOf(world, requestId)).map((task) => [task.id, task.state])).toEqual([
    [late, 'closed'],
    [id, 'closed'],
  ]);
  expect((await auditOf(world, requestId)).map(([action]) => action)).toEqual(['task.opened', 'task.closed']);
  expect((await reconcile(world, requestId)).waits).toBeUndefined();
});
