import { expect, test } from 'vitest';
import { retrySystems } from '../../../db/attention/retry.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { destroyArchive, expireArchive, readArchiveFacts } from '../../../db/exports/archive.ts';
import { backup, endBackup, exportOf, storeArchiveKey } from '../../support/exports.ts';
import {
  after,
  applyVisibility,
  claimAt,
  days,
  givenHiddenSubjects,
  ledger,
  POLICY,
  reconcileAt,
  RUN,
  states,
} from '../../support/ledger.ts';
import { cancel, DAY, first, givenBackup, givenReadyBackup, people, PROJECTS } from './backing-up.ts';

const world = await ledger(PROJECTS);

const expiryOf = async (exporting: string) => (await readArchiveFacts(world.database, exporting))?.expiresAt;
const expire = (requestId: string, at: Date) =>
  expireArchive(world.database, { requestId, at, keptMs: POLICY.exportsKeptMs });

test('one of three cancelled leaves the export that is under way, which collects again; the others stay in it', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a', 'b', 'c'));
  await storeArchiveKey(world, exporting);
  const { wake } = await cancel(world, deletion, [2], days(1));
  expect(wake).toContain(exporting);
  expect(await states(world, exporting)).toEqual({ cancelled: 1, selected: 2 });
  expect(await exportOf(world, exporting)).toMatchObject({ epoch: 2, keys: 1, unseen: true });
  await endBackup(world, exporting, { at: days(2) });
  expect(await reconcileAt(world, deletion, days(2))).toMatchObject({ attention: [] });
});

test('an export of anybody that is made for a deletion outlives its claim; that of a deletion that was cancelled does not', async () => {
  const shape = first();
  const { deletion: kept, exporting: archive } = await givenReadyBackup(world, people('a'), shape);
  expect(await claimAt(world, kept, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'ready', keys: 1, actions: [] });

  const { deletion: cancelled, exporting: left } = await givenReadyBackup(world, people('b'), shape);
  await cancel(world, cancelled, 'all', days(2));
  await applyVisibility(world, cancelled, days(2));
  await conclude(world.database, { requestId: cancelled, at: days(2) });
  const later = await givenHiddenSubjects(world, people('b'), { ...shape, exportFirst: false });
  expect(await claimAt(world, later, RUN)).toMatchObject({ claimed: 1, wake: [left] });
  expect(await exportOf(world, left)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('a deletion that was cancelled and still shows some again protects no archive of somebody whom another one claims', async () => {
  const shape = first();
  const { deletion: cancelled, exporting: archive } = await givenReadyBackup(world, people('a', 'b'), shape);
  const heir = await givenHiddenSubjects(world, people('a'), { ...shape, exportFirst: false });
  await cancel(world, cancelled, 'all', days(2));
  await applyVisibility(world, heir, days(2));
  expect(await states(world, cancelled)).toEqual({ cancelled: 1, cancelling: 1 });
  expect(await claimAt(world, heir, RUN)).toMatchObject({ claimed: 1, wake: [archive] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('one of two is taken back out of a ready archive and claimed by another: it is destroyed, and another one made of the rest', async () => {
  const shape = first();
  const { deletion, exporting: archive } = await givenReadyBackup(world, people('a', 'b'), shape);
  const heir = await givenHiddenSubjects(world, people('a'), { ...shape, exportFirst: false });
  await cancel(world, deletion, [1], days(2));
  await applyVisibility(world, heir, days(2));
  expect(await claimAt(world, heir, RUN)).toMatchObject({ claimed: 1, wake: [archive, deletion] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 0 });
  expect(await reconcileAt(world, deletion, RUN)).toMatchObject({ needsBackup: true, attention: [] });
  const another = await backup(world, deletion);
  expect(await states(world, another)).toEqual({ selected: 1 });
  await endBackup(world, another, { at: after(1) });
  expect(await claimAt(world, deletion, after(DAY))).toMatchObject({ claimed: 1 });
});

test('a backup outlives the claim: its week begins with the run, and anew while somebody in it still waits', async () => {
  const { deletion, exporting } = await givenReadyBackup(world, people('a'));
  expect(await expiryOf(exporting)).toEqual(after(7 * DAY));
  await expire(exporting, after(7 * DAY));
  expect(await expiryOf(exporting)).toEqual(after(14 * DAY));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'ready', keys: 1 });
  expect(await claimAt(world, deletion, after(8 * DAY))).toMatchObject({ claimed: 1 });
  await expire(exporting, after(14 * DAY));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'expired', keys: 0, reason: 'expired' });
});

test('a backup of those who were taken back is kept no longer than any archive', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1) });
  await cancel(world, deletion, 'all', days(2));
  await expire(exporting, after(7 * DAY));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'expired' });
});

test('a backup that a member destroys before the claim: nobody is claimed, until an operator has another one made', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1) });
  const by = { actor: 'operator', at: days(2) };
  const { wake } = await destroyArchive(world.database, { requestId: exporting, ...by });
  expect(wake).toEqual([exporting, deletion]);
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 0 });
  const view = await reconcileAt(world, deletion, RUN);
  expect(view).toMatchObject({ claimable: 0, attention: [{ code: 'backup_missing' }] });
  expect(view).not.toHaveProperty('needsBackup');
  await retrySystems(world.database, { requestId: deletion, system: null, reason: 'ticket 7', ...by });
  expect(await reconcileAt(world, deletion, RUN)).toMatchObject({ needsBackup: true });
  await endBackup(world, await backup(world, deletion), { at: after(1) });
  expect(await claimAt(world, deletion, after(DAY))).toMatchObject({ claimed: 1 });
});
