import { afterEach, beforeEach, expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { recordAttempt, startAttempt } from '../../../db/deletion/attempts.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { readProgress } from '../../../db/deletion/progress.ts';
import { after, type Ledger, ledger, states } from '../../support/ledger.ts';
import {
  cancelPositions,
  deleteIn,
  givenClaimed,
  OBSTACLE,
  receiptOf,
  reconcile,
  retry,
  statusOf,
  verifyIn,
} from './blocking.ts';

let world: Ledger;
beforeEach(async () => {
  world = await ledger();
});
afterEach(() => world.closeLedger());

const three = ['u-1', 'u-2', 'u-3'];

test('verifies and reports the other subjects as deleted while one is blocked', async () => {
  const requestId = await givenClaimed(world, three);
  expect((await deleteIn(world, requestId, { blocked: [2] })).next).toMatchObject({ step: 'verify' });
  expect(await verifyIn(world, requestId)).toEqual({ step: 'ended', end: 'attention' });
  const state = await reconcile(world, requestId);
  expect(state).toMatchObject({ status: 'deleting', canConclude: false });
  expect(await states(world, requestId)).toEqual({ claimed: 1, deleted: 2 });
  const receipt = await receiptOf(world, requestId);
  expect(receipt).toMatchObject({ final: false, outcomes: { deleted: 2, soft_deleted: 1 } });
  expect(receipt.systems[0]?.tables).toMatchObject([{ table: 'app.users', removed: 2 }]);
});

test('names table, constraint and positions in the attention, the progress and the state of the workflow', async () => {
  const requestId = await givenClaimed(world, [...three, 'u-2']);
  await deleteIn(world, requestId, { blocked: [2] });
  const { attention } = await statusOf(world, requestId);
  const blocked = [{ ...OBSTACLE, subjects: 1, positions: [2, 4] }];
  expect(attention).toMatchObject([{ system: 'app', step: 'delete', code: 'blocked_by_other_rows', blocked }]);
  expect(await readProgress(world.database, requestId)).toMatchObject([{ system: 'app', subjects: 3, blocked: 1 }]);
  expect((await reconcile(world, requestId)).attention).toEqual([
    { system: 'app', code: 'blocked_by_other_rows', blocked },
  ]);
});

test('needs attention at once when every subject of the batch is blocked', async () => {
  const requestId = await givenClaimed(world, three);
  expect((await deleteIn(world, requestId, { blocked: [1, 2, 3] })).next).toEqual({ step: 'ended', end: 'attention' });
  expect((await reconcile(world, requestId)).status).toBe('deleting');
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});

test('tries blocked subjects again in their first pass, counts their rows once and completes', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await verifyIn(world, requestId);
  await reconcile(world, requestId);
  await retry(world, requestId);
  expect((await statusOf(world, requestId)).attention).toEqual([]);
  expect((await reconcile(world, requestId)).openBatches).toEqual([{ system: 'app', batch: 1, subjects: 3, retry: 1 }]);
  const { started, next } = await deleteIn(world, requestId, { at: after(31) });
  expect(started).toEqual({ pass: 1, except: [] });
  expect(next).toMatchObject({ step: 'verify' });
  expect(await verifyIn(world, requestId, 'app', after(31))).toEqual({ step: 'ended', end: 'verified' });
  expect((await reconcile(world, requestId)).canConclude).toBe(true);
  expect(await conclude(world.database, { requestId, at: after(60) })).toEqual({ status: 'completed' });
  expect((await receiptOf(world, requestId)).systems[0]?.tables).toMatchObject([{ removed: 3 }]);
});

test('keeps the verification of the others when a retry is blocked again', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await verifyIn(world, requestId);
  await retry(world, requestId);
  expect((await deleteIn(world, requestId, { blocked: [2], at: after(31) })).next).toEqual({
    step: 'ended',
    end: 'attention',
  });
  await reconcile(world, requestId);
  expect(await states(world, requestId)).toEqual({ claimed: 1, deleted: 2 });
  expect((await statusOf(world, requestId)).attention).toHaveLength(1);
});

test('retries blocked subjects while the others settle', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await retry(world, requestId);
  const { next } = await deleteIn(world, requestId, { at: after(31) });
  expect(next).toMatchObject({ step: 'verify' });
  expect(await verifyIn(world, requestId, 'app', after(31))).toEqual({ step: 'ended', end: 'verified' });
});

test('leaves blocked subjects out of the pass that deletes survivors of the others', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await world.sql`UPDATE lethe.batch_work SET state = 'deleting', pass = 2`;
  expect((await deleteIn(world, requestId, { at: after(1) })).started).toEqual({ pass: 2, except: [2] });
  expect((await statusOf(world, requestId)).attention).toHaveLength(1);
});

test('tries blocked subjects in every call of a retry that the system continues later, and cancels none of them meanwhile', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await verifyIn(world, requestId);
  await retry(world, requestId);
  const key = { requestId, project: 'demo', system: 'app', batch: 1 };
  expect(await startAttempt(world.database, key, 'first')).toEqual({ pass: 1, except: [] });
  const at = { attempt: 'first', pass: 1, at: after(30) };
  const next = await recordAttempt(world.database, key, at, { continueAt: after(31) });
  expect(next).toEqual({ step: 'delete', at: after(31).getTime() });
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
  expect(await startAttempt(world.database, key, 'second')).toEqual({ pass: 1, except: [] });
});

test('ignores the result of an attempt that another one has replaced', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await world.sql`UPDATE lethe.batch_work SET state = 'pending', attempt = 'another'`;
  const key = { requestId, project: 'demo', system: 'app', batch: 1 };
  await recordAttempt(world.database, key, { attempt: 'old', pass: 1, at: after(1) }, { blocked: [] });
  expect((await readProgress(world.database, requestId))[0]).toMatchObject({ state: 'pending', blocked: 1 });
});

test('ends as partially completed when an operator skips the blocked system, and keeps the others deleted', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await verifyIn(world, requestId);
  await reconcile(world, requestId);
  const skip = { requestId, system: 'app', reason: 'kept by law', actor: 'operator', at: after(30) };
  await skipSystem(world.database, skip);
  expect((await reconcile(world, requestId)).canConclude).toBe(true);
  expect(await states(world, requestId)).toEqual({ deleted: 2, partially_deleted: 1 });
  expect(await conclude(world.database, { requestId, at: after(31) })).toEqual({ status: 'partially_completed' });
});

test('does not cancel the other subjects of the batch', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await expect(cancelPositions(world, requestId, [1])).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});
