import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAttempt } from '../../../db/deletion/attempts.ts';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import {
  accept,
  after,
  allKnown,
  applyVisibility,
  claimAt,
  identityFact,
  type Ledger,
  ledger,
  resolve,
  states,
  user,
} from '../../support/ledger.ts';
import {
  cancelPositions,
  claimedSeqs,
  deleteIn,
  givenClaimed,
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
const key = (requestId: string, system = 'app') => ({ requestId, project: 'demo', system, batch: 1 });

test('cancels a blocked subject, restores it, and completes with the others', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await verifyIn(world, requestId);
  await reconcile(world, requestId);
  expect(await cancelPositions(world, requestId, [2])).toMatchObject({ cancelled: 1, tooLateCount: 0 });
  expect(await states(world, requestId)).toEqual({ cancelling: 1, deleted: 2 });
  expect((await statusOf(world, requestId)).attention).toEqual([]);
  expect((await reconcile(world, requestId)).systemsToSync).toEqual(['app']);
  await applyVisibility(world, requestId, after(31));
  expect(await verifyIn(world, requestId, 'app', after(31))).toEqual({ step: 'ended', end: 'verified' });
  expect((await reconcile(world, requestId)).canConclude).toBe(true);
  expect(await conclude(world.database, { requestId, at: after(60) })).toEqual({ status: 'completed' });
  expect(await receiptOf(world, requestId)).toMatchObject({
    subjects: { cancelled: 1, deleted: 2 },
    outcomes: { cancelled: 1, deleted: 2 },
  });
});

test('leaves a cancelled subject out of every later attempt, and never passes on its identities', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2, 3] });
  await cancelPositions(world, requestId, [2]);
  await retry(world, requestId);
  const { started } = await deleteIn(world, requestId, { at: after(31) });
  expect(started).toEqual({ pass: 1, except: [2] });
  expect(await claimedSeqs(world, requestId)).toEqual([1, 3]);
});

test('ends as cancelled when every subject of the batch is blocked and cancelled', async () => {
  const requestId = await givenClaimed(world, three, ['app', 'crm']);
  await deleteIn(world, requestId, { blocked: [1, 2, 3] });
  expect(await cancelPositions(world, requestId, 'all')).toMatchObject({ cancelled: 3 });
  expect((await reconcile(world, requestId)).openBatches).toEqual([]);
  for (const system of ['app', 'crm']) await applyVisibility(world, requestId, after(31), system);
  expect(await conclude(world.database, { requestId, at: after(32) })).toEqual({ status: 'cancelled' });
});

test('does not cancel a subject that another system has deleted, and names that system', async () => {
  const requestId = await givenClaimed(world, three, ['app', 'crm']);
  await deleteIn(world, requestId, { blocked: [2] });
  await deleteIn(world, requestId, { system: 'crm' });
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({
    code: 'too_late',
    message: expect.stringContaining('crm has deleted data') as string,
  });
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});

test('cancels a subject that another system has not started to delete, and that system never gets it', async () => {
  const requestId = await givenClaimed(world, three, ['app', 'crm']);
  await deleteIn(world, requestId, { blocked: [2] });
  expect(await cancelPositions(world, requestId, [2])).toMatchObject({ cancelled: 1 });
  expect(await claimedSeqs(world, requestId)).toEqual([1, 3]);
  expect((await reconcile(world, requestId)).openBatches).toMatchObject([
    { system: 'app', subjects: 2 },
    { system: 'crm', subjects: 2 },
  ]);
});

test('cancels a subject that is blocked in both systems', async () => {
  const requestId = await givenClaimed(world, three, ['app', 'crm']);
  for (const system of ['app', 'crm']) await deleteIn(world, requestId, { system, blocked: [2] });
  expect(await cancelPositions(world, requestId, [2])).toMatchObject({ cancelled: 1 });
  expect((await statusOf(world, requestId)).attention).toEqual([]);
});

test('does not cancel a subject while an attempt to delete it has not recorded its result', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  await retry(world, requestId);
  await startAttempt(world.database, key(requestId), 'running');
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});

test('does not cancel a large subject of which a part is deleted', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  const part = { firstSeq: 2, lastSeq: 2, part: 1, tables: [], retained: [], anonymised: [] };
  await recordRange(world.database, key(requestId), 1, part);
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, requestId)).toEqual({ claimed: 3 });
});

test('does not cancel a subject that shares an identity with a deleted one', async () => {
  const people = ['u-1', 'u-2'].map(user);
  const device = { type: 'alias', value: ['device'] };
  const requestId = await accept(world, people);
  await resolve(world, requestId, [...allKnown(people), ...people.map((person) => identityFact(person, device, 1))]);
  await applyVisibility(world, requestId);
  await claimAt(world, requestId);
  await deleteIn(world, requestId, { blocked: [2] });
  await world.sql`UPDATE lethe.subject_identities SET shared = false`;
  await expect(cancelPositions(world, requestId, [2])).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, requestId)).toEqual({ claimed: 2 });
});

test('transfers a cancelled blocked subject to the request that waits for it, still hidden', async () => {
  const requestId = await givenClaimed(world, three);
  await deleteIn(world, requestId, { blocked: [2] });
  const waiting = await accept(world, [user('u-2')]);
  await resolve(world, waiting, allKnown([user('u-2')]));
  expect(await states(world, waiting)).toEqual({ attached: 1 });
  const { wake } = await cancelPositions(world, requestId, [2]);
  expect(wake).toContain(waiting);
  expect(await states(world, requestId)).toEqual({ cancelled: 1, claimed: 2 });
  expect(await world.sql`SELECT state, hidden FROM lethe.subjects WHERE request_id = ${waiting}`).toMatchObject([
    { state: 'resolved', hidden: true },
  ]);
});

test('cancels a blocked subject of a part deletion without a restoration', async () => {
  const requestId = await givenClaimed(world, three, ['app'], { scope: 'categories' });
  await deleteIn(world, requestId, { blocked: [2] });
  expect(await cancelPositions(world, requestId, [2])).toMatchObject({ cancelled: 1 });
  expect(await states(world, requestId)).toEqual({ cancelled: 1, claimed: 2 });
});
