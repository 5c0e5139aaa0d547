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
import { cancel, DAY_HOURS, exportingFirst, givenBackup, givenReadyBackup, people, PROJECTS } from './backing-up.ts';

const world = await ledger(PROJECTS);

const expiryOf = async (exporting: string) => (await readArchiveFacts(world.database, exporting))?.expiresAt;
const expire = (requestId: string, at: Date) =>
  expireArchive(world.database, { requestId, at, keptMs: POLICY.exportsKeptMs });

test('removes a cancelled subject from the open backup and lets it collect again', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a', 'b', 'c'));
  await storeArchiveKey(world, exporting);
  const { wake } = await cancel(world, deletion, [2], days(1));
  expect(wake).toContain(exporting);
  expect(await states(world, exporting)).toEqual({ cancelled: 1, selected: 2 });
  expect(await exportOf(world, exporting)).toMatchObject({ epoch: 2, keys: 1, unseen: true });
  await endBackup(world, exporting, { at: days(2) });
  expect(await reconcileAt(world, deletion, days(2))).toMatchObject({ attention: [] });
});

test('keeps a backup after its deletion claims, but not after its deletion was cancelled and another one claims', async () => {
  const changes = exportingFirst();
  const { deletion: kept, exporting: archive } = await givenReadyBackup(world, people('a'), changes);
  expect(await claimAt(world, kept, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'ready', keys: 1, actions: [] });

  const { deletion: cancelled, exporting: unprotected } = await givenReadyBackup(world, people('b'), changes);
  await cancel(world, cancelled, 'all', days(2));
  await applyVisibility(world, cancelled, days(2));
  await conclude(world.database, { requestId: cancelled, at: days(2) });
  const later = await givenHiddenSubjects(world, people('b'), { ...changes, exportFirst: false });
  expect(await claimAt(world, later, RUN)).toMatchObject({ claimed: 1, wake: [unprotected] });
  expect(await exportOf(world, unprotected)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('removes a subject from the backup of a deletion that is still restoring it when another deletion claims it', async () => {
  const changes = exportingFirst();
  const { deletion: cancelled, exporting: archive } = await givenReadyBackup(world, people('a', 'b'), changes);
  const newOwner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  await cancel(world, cancelled, 'all', days(2));
  await applyVisibility(world, newOwner, days(2));
  expect(await states(world, cancelled)).toEqual({ cancelled: 1, cancelling: 1 });
  expect(await claimAt(world, newOwner, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'ready', keys: 1, removed: 1 });
});

test('removes a cancelled subject from a ready backup when another deletion claims it, and keeps the others backed up', async () => {
  const changes = exportingFirst();
  const { deletion, exporting: archive } = await givenReadyBackup(world, people('a', 'b'), changes);
  const newOwner = await givenHiddenSubjects(world, people('a'), { ...changes, exportFirst: false });
  await cancel(world, deletion, [1], days(2));
  await applyVisibility(world, newOwner, days(2));
  expect(await claimAt(world, newOwner, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'ready', keys: 1, removed: 1, reason: null });
  expect(await reconcileAt(world, deletion, RUN)).toMatchObject({ attention: [] });
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await exportOf(world, archive)).toMatchObject({ status: 'ready', removed: 1 });
});

test('keeps a backup for a week after the run, and longer while a subject in it still waits', async () => {
  const { deletion, exporting } = await givenReadyBackup(world, people('a'));
  expect(await expiryOf(exporting)).toEqual(after(7 * DAY_HOURS));
  await expire(exporting, after(7 * DAY_HOURS));
  expect(await expiryOf(exporting)).toEqual(after(14 * DAY_HOURS));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'ready', keys: 1 });
  expect(await claimAt(world, deletion, after(8 * DAY_HOURS))).toMatchObject({ claimed: 1 });
  await expire(exporting, after(14 * DAY_HOURS));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'expired', keys: 0, reason: 'expired' });
});

test('does not keep a backup longer than other archives when its deletion is cancelled', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1) });
  await cancel(world, deletion, 'all', days(2));
  await expire(exporting, after(7 * DAY_HOURS));
  expect(await exportOf(world, exporting)).toMatchObject({ status: 'expired' });
});

test('does not claim after a member destroys the backup, until an operator retries and another one is ready', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1) });
  const change = { actor: 'operator', at: days(2) };
  const { wake } = await destroyArchive(world.database, { requestId: exporting, ...change });
  expect(wake).toEqual([exporting, deletion]);
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 0 });
  const state = await reconcileAt(world, deletion, RUN);
  expect(state).toMatchObject({ claimable: 0, attention: [{ code: 'backup_missing' }] });
  expect(state).not.toHaveProperty('needsBackup');
  await retrySystems(world.database, { requestId: deletion, system: null, reason: 'ticket 7', ...change });
  expect(await reconcileAt(world, deletion, RUN)).toMatchObject({ needsBackup: true });
  await endBackup(world, await backup(world, deletion), { at: after(1) });
  expect(await claimAt(world, deletion, after(DAY_HOURS))).toMatchObject({ claimed: 1 });
});
