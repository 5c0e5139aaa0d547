import { expect, test } from 'vitest';
import { transaction } from '../../../db/transaction.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { PROJECT_ENTRY } from '../requests/confirming.ts';
import {
  accept,
  after,
  allKnown,
  givenAwaitingConfirmation,
  claimAt,
  days,
  givenHiddenSubjects,
  ledger,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  user,
} from '../../support/ledger.ts';

// Tests the fields of a deletion's state from which the workflow describes what the request waits for.
const world = await ledger([PROJECT, 'limited']);

test('returns the end of the grace period while the subjects wait for their first run', async () => {
  const requestId = await givenHiddenSubjects(world, [user('grace-1')]);
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({
    nextClaimAt: RUN.getTime(),
    inGracePeriod: true,
    attached: 0,
    retryAt: null,
  });
});

test('returns a run outside the grace period when the quota moved subjects to the next run', async () => {
  const requestId = await givenHiddenSubjects(world, [user('quota-1'), user('quota-2'), user('quota-3')], {
    project: 'limited',
  });
  await claimAt(world, requestId, RUN, { quotaPerRun: 1 });
  expect(await reconcileAt(world, requestId, after(1))).toMatchObject({
    nextClaimAt: after(24).getTime(),
    inGracePeriod: false,
    openBatches: [{ system: 'app', batch: 1, subjects: 1 }],
  });
});

test('returns a run outside the grace period when the request is expedited to the next run', async () => {
  const requestId = await givenHiddenSubjects(world, [user('expedited-1')]);
  const expedition = { requestId, expedite: 'next_run', reason: 'asked', actor: 'operator', at: days(1) } as const;
  const { hardDeleteAt } = await expediteRequest(world.database, PROJECT_ENTRY, expedition);
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({
    nextClaimAt: hardDeleteAt.getTime(),
    inGracePeriod: false,
  });
});

test('counts the subjects that another request owns', async () => {
  await givenHiddenSubjects(world, [user('owned-1')]);
  const requestId = await accept(world, [user('owned-1')]);
  await resolve(world, requestId, allKnown([user('owned-1')]));
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ attached: 1, nextClaimAt: null });
});

test('returns the earliest automatic retry when steps need an operator', async () => {
  const requestId = await givenHiddenSubjects(world, [user('retried-1')]);
  const key = { project: PROJECT, requestId, system: 'app', batch: 0 } as const;
  await transaction(world.database, async (tx) => {
    await raiseAttention(tx, { ...key, step: 'inspect' }, { code: 'coverage_broken', at: START, retryAt: days(2) });
    await raiseAttention(tx, { ...key, step: 'resolve' }, { code: 'system_unavailable', at: START, retryAt: null });
  });
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({ retryAt: days(2).getTime() });
});

test('requires another owner for the confirmation only when everyone is selected', async () => {
  const listed = await givenAwaitingConfirmation(world, [user('confirmed-1')]);
  expect(await reconcileAt(world, listed, START)).toMatchObject({ confirmation: { needsAnotherOwner: false } });
  const everyone = await givenAwaitingConfirmation(world, [user('confirmed-2')], {
    selection: { by: 'everyone', except: [] },
  });
  expect(await reconcileAt(world, everyone, START)).toMatchObject({ confirmation: { needsAnotherOwner: true } });
});
