import { expect, test } from 'vitest';
import { startBackup } from '../../../db/backups/start.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import { backup, endBackup } from '../../support/exports.ts';
import {
  accept,
  after,
  allKnown,
  applyVisibility,
  claimAt,
  days,
  givenHiddenSubjects,
  ledger,
  identityFact,
  reconcileAt,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { cancel, exportingFirst, givenBackup, people, PROJECTS } from './backing-up.ts';

const world = await ledger(PROJECTS);

test('makes the owner wait for the backup of an attached request, which exports all identities of the owner', async () => {
  const changes = exportingFirst();
  const owner = await accept(world, people('a', 'b'), { ...changes, exportFirst: false });
  const address = { type: 'email', value: ['a@x.test'] };
  await resolve(world, owner, [...allKnown(people('a', 'b')), identityFact(user('a'), address)]);
  await applyVisibility(world, owner);
  const attached = await accept(world, people('a'), changes);
  await resolve(world, attached, [...allKnown(people('a')), identityFact(user('a'), address)]);
  expect(await states(world, attached)).toEqual({ attached: 1 });
  expect(await reconcileAt(world, owner, START)).toMatchObject({ awaitingBackup: 1 });
  expect(await reconcileAt(world, owner, START)).not.toHaveProperty('needsBackup');
  expect(await reconcileAt(world, attached, START)).toMatchObject({ needsBackup: true });
  const exporting = await backup(world, attached);
  const names = await world.sql`
    SELECT value[1] AS value, shared FROM lethe.subject_identities WHERE request_id = ${exporting} ORDER BY value`;
  expect(names).toMatchObject([
    { value: 'a', shared: false },
    { value: 'a@x.test', shared: false },
  ]);
  expect(await claimAt(world, owner, RUN)).toMatchObject({ claimed: 1, leftForNextRun: 0 });
  expect(await reconcileAt(world, owner, after(1))).toMatchObject({ claimable: 0, nextDueAt: null });
  expect(await endBackup(world, exporting, { at: after(1) })).toEqual([attached, owner]);
  expect(await claimAt(world, owner, after(1))).toMatchObject({ claimed: 0 });
  expect(await claimAt(world, owner, after(24))).toMatchObject({ claimed: 1, wake: [] });
});

test('lets the owner claim at the next run when the attached request that waits for a backup is cancelled', async () => {
  const changes = exportingFirst();
  const owner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  const { deletion: attached, exporting } = await givenBackup(world, people('a'), changes);
  expect(await claimAt(world, owner, RUN)).toMatchObject({ claimed: 0 });
  const { wake } = await cancel(world, attached, 'all', after(5));
  expect(wake.toSorted()).toEqual([attached, exporting, owner].toSorted());
  expect(await states(world, exporting)).toEqual({ cancelled: 1 });
  expect(await claimAt(world, owner, after(5))).toMatchObject({ claimed: 0 });
  expect(await reconcileAt(world, owner, after(5))).toMatchObject({ claimable: 0, nextDueAt: after(24).getTime() });
  expect(await claimAt(world, owner, after(24))).toMatchObject({ claimed: 1 });
});

test.each([
  ['without a backup', false],
  ['in a ready backup', true],
])('does not change the run of the owner when an attached subject %s is cancelled', async (_case, exportFirst) => {
  const changes = exportingFirst();
  const owner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  const attached = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst });
  if (exportFirst) await endBackup(world, await backup(world, attached), { at: days(1) });
  await cancel(world, attached, 'all', after(5));
  expect(await claimAt(world, owner, after(5))).toMatchObject({ claimed: 1 });
});

test('still requires the backup when a cancelled owner transfers the subject', async () => {
  const changes = exportingFirst();
  const owner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  const { deletion: newOwner, exporting } = await givenBackup(world, people('a'), changes);
  await cancel(world, owner, 'all', days(1));
  await applyVisibility(world, newOwner, days(1));
  expect(await states(world, newOwner)).toEqual({ soft_deleted: 1 });
  expect(await states(world, exporting)).toEqual({ selected: 1 });
  expect(await claimAt(world, newOwner, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(world, exporting, { at: after(1) });
  expect(await claimAt(world, newOwner, after(24))).toMatchObject({ claimed: 1 });
});

test('does not start a backup when the owner has already claimed the attached subject', async () => {
  const changes = exportingFirst();
  const owner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  await claimAt(world, owner, RUN);
  const late = await givenHiddenSubjects(world, people('a'), changes);
  expect(await states(world, late)).toEqual({ attached: 1 });
  expect(await reconcileAt(world, late, RUN)).not.toHaveProperty('needsBackup');
  expect(await startBackup(world.database, late, RUN)).toBeNull();
});

test('starts the backup of an attached unresolved subject once a system finds it', async () => {
  const changes = exportingFirst();
  const owner = await accept(world, people('a'), { ...changes, exportFirst: false });
  await resolve(world, owner, []);
  const deletion = await accept(world, people('a'), changes);
  await resolve(world, deletion, []);
  expect(await states(world, deletion)).toEqual({ attached: 1 });
  expect(await reconcileAt(world, deletion, START)).not.toHaveProperty('needsBackup');
  await markPresent(world.database, owner, 'all');
  expect(await settleUnresolved(world.database, changes.project, owner, START)).toEqual([deletion]);
  expect(await settleUnresolved(world.database, changes.project, owner, START)).toEqual([deletion]);
  expect(await reconcileAt(world, deletion, START)).toMatchObject({ needsBackup: true });
  await applyVisibility(world, owner);
  expect(await claimAt(world, owner, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(world, await backup(world, deletion), { at: days(1) });
  expect(await claimAt(world, owner, RUN)).toMatchObject({ claimed: 1 });
});

test('requires the backup of a request that attached during a restoration, also when another request becomes the owner', async () => {
  const changes = exportingFirst();
  const owner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  await cancel(world, owner, 'all', days(1));
  const newOwner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  const second = await givenHiddenSubjects(world, people('a'), { ...changes, receivedAt: days(1) });
  expect(await states(world, second)).toEqual({ attached: 1 });
  expect(await reconcileAt(world, second, days(1))).not.toHaveProperty('needsBackup');
  expect((await applyVisibility(world, owner, days(1))).requestsToSignal.toSorted()).toEqual(
    [newOwner, second].toSorted(),
  );
  expect(await reconcileAt(world, second, days(1))).toMatchObject({ needsBackup: true });
});
