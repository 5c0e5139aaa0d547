import { expect, test } from 'vitest';
import { accept as acceptCall } from '../../../db/requests/create.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import { storeCount } from '../../../db/resolution/counts.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import {
  accept,
  allKnown,
  APP,
  applyVisibility,
  claimAt,
  days,
  givenHiddenSubjects,
  KEYS,
  ledger,
  newRequest,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { cancel, finish, MAIL, outcomes, scheduled, statusOf } from './parts.ts';

const world = await ledger([PROJECT, 'quota']);

test('does not own or attach a part deletion when another deletion of the subject is open', async () => {
  const identity = user('both');
  const part = await scheduled(world, [identity]);
  const fullDeletion = await givenHiddenSubjects(world, [identity]);
  const other = await scheduled(world, [identity], { scope: 'sources' });
  const allStates = async () => [
    await states(world, part),
    await states(world, fullDeletion),
    await states(world, other),
  ];
  expect(await allStates()).toEqual([{ scheduled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  // A new deletion is attached to the one of scope `data`, the only owner.
  const attached = await givenHiddenSubjects(world, [identity]);
  const [owner] = await world.sql`SELECT owner_request FROM lethe.subjects WHERE request_id = ${attached}`;
  expect(owner).toEqual({ ownerRequest: fullDeletion });

  await cancel(world, part);
  expect(await allStates()).toEqual([{ cancelled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  expect(await states(world, attached)).toEqual({ attached: 1 });
  expect([(await claimAt(world, fullDeletion)).claimed, (await claimAt(world, other)).claimed]).toEqual([1, 1]);
  await finish(world, other);
  expect(await allStates()).toEqual([{ cancelled: 1 }, { claimed: 1 }, { deleted: 1 }]);
  expect(await states(world, attached)).toEqual({ attached: 1 });
  await finish(world, fullDeletion);
  expect([await states(world, fullDeletion), await states(world, attached)]).toEqual([{ deleted: 1 }, { deleted: 1 }]);
});

test('restores the subject of a cancelled deletion and does not transfer it to a part deletion', async () => {
  const identity = user('restored');
  const part = await scheduled(world, [identity]);
  const fullDeletion = await givenHiddenSubjects(world, [identity]);
  await cancel(world, fullDeletion);
  expect([await states(world, fullDeletion), await states(world, part)]).toEqual([{ cancelling: 1 }, { scheduled: 1 }]);
  await applyVisibility(world, fullDeletion, days(3));
  expect([await states(world, fullDeletion), await states(world, part)]).toEqual([{ cancelled: 1 }, { scheduled: 1 }]);
});

test('does not attach a deletion to a part deletion that is not reconciled yet or is claimed', async () => {
  const identities = [user('unreconciled'), user('claimed')];
  const unreconciled = await accept(world, identities.slice(0, 1), { scope: 'sources' });
  await resolve(world, unreconciled, allKnown(identities.slice(0, 1)));
  const claimed = await scheduled(world, identities.slice(1));
  await claimAt(world, claimed);
  const fullDeletion = await givenHiddenSubjects(world, identities);
  expect([await states(world, unreconciled), await states(world, claimed)]).toEqual([{ resolved: 1 }, { claimed: 1 }]);
  expect(await states(world, fullDeletion)).toEqual({ soft_deleted: 2 });
});

test('does not conflict with part deletions, and does not reject a part deletion, when onConflict is reject', async () => {
  const submitRejecting = (name: Identity, scope: Scope) =>
    acceptCall(world.database, KEYS, newRequest([name], { scope, onConflict: 'reject' }), null);
  await claimAt(world, await scheduled(world, [user('part-owned')]));
  await accept(world, [user('part-waiting')], { scope: 'sources' });
  for (const name of ['part-owned', 'part-waiting'])
    expect(await submitRejecting(user(name), 'data')).toMatchObject({ status: 'received' });
  await givenHiddenSubjects(world, [user('full-owned')]);
  expect(await submitRejecting(user('full-owned'), 'categories')).toMatchObject({ status: 'received' });
  await expect(submitRejecting(user('full-owned'), 'data')).rejects.toMatchObject({ code: 'subject_conflict' });
});

test('reports already_deleted after a deletion of scope data, and never after a part deletion', async () => {
  const outcomesOfLaterRequest = async () => {
    const requestId = await accept(world, [user('later')]);
    await resolve(world, requestId, []);
    await settleUnresolved(world.database, PROJECT, requestId, RUN);
    return outcomes(world, requestId);
  };
  const end = async (requestId: string) => {
    await claimAt(world, requestId);
    await finish(world, requestId);
    await conclude(world.database, { requestId, at: days(30) });
  };
  const part = await scheduled(world, [user('later')]);
  await end(part);
  expect(await statusOf(world, part)).toMatchObject({ status: 'completed', states: { deleted: 1 } });
  expect(await outcomesOfLaterRequest()).toEqual(['not_found']);
  await end(await givenHiddenSubjects(world, [user('later')]));
  expect(await outcomesOfLaterRequest()).toEqual(['already_deleted']);
});

test('shares the quota of a run between part deletions and other deletions', async () => {
  const inProject = { project: 'quota' };
  const policy = { ...POLICY, quotaPerRun: 3 };
  const fullDeletion = await givenHiddenSubjects(world, [user('q-1'), user('q-2')], { ...inProject, dueAt: days(40) });
  const part = await scheduled(world, [user('q-1'), user('q-2')], { ...inProject, dueAt: days(20) });
  expect(await claimAt(world, fullDeletion, RUN, policy)).toMatchObject({ claimed: 1, leftForNextRun: 1 });
  expect(await claimAt(world, part, RUN, policy)).toMatchObject({ claimed: 2, leftForNextRun: 0 });
});

test('schedules the proposed subjects of a confirmed part deletion also when another deletion owns them', async () => {
  const identities = [user('proposed-1'), user('proposed-2')];
  const requestId = await scheduled(world, identities, { confirm: true, onConflict: 'reject' });
  await givenHiddenSubjects(world, identities.slice(0, 1));
  for (const system of ['app', 'mail']) await storeCount(world.database, { requestId, system }, { 'app.users': 2 });
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ status: 'awaiting_confirmation' });
  expect(await states(world, requestId)).toEqual({ proposed: 2 });
  const entry = { name: PROJECT, policy: POLICY, directory: 'app', systems: [APP, MAIL] };
  const by = { memberId: 'mem_other', role: 'owner' } as const;
  const confirmation = { requestId, expectedCount: 2, acceptUnmatched: false, by, at: days(1) };
  const confirmed = await withProjectLock(world.database, PROJECT, (tx) => confirmRequest(tx, entry, confirmation));
  expect(confirmed).toMatchObject({ subjects: 2, attached: 0 });
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({ status: 'grace', systemsToSync: [] });
  expect(await states(world, requestId)).toEqual({ scheduled: 2 });
});
