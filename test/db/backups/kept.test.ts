import { afterAll, beforeAll, expect, test } from 'vitest';
import { retryProcessors } from '../../../db/attention/retry.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { destroyArchive, expireArchive, readArchiveFacts } from '../../../db/exports/archive.ts';
import { backup, endBackup, exportOf, withKey } from '../../support/exports.ts';
import { after, days, follow, hidden, type Ledger, ledger, lookAt, POLICY, RUN, states } from '../../support/ledger.ts';
import { cancel, DAY, first, people, PROJECTS, take } from './backing-up.ts';

let it: Ledger;
beforeAll(async () => {
  it = await ledger(PROJECTS);
});
afterAll(async () => it.closeLedger());

const expiryOf = async (exporting: string) => (await readArchiveFacts(it.database, exporting))?.expiresAt;
const expire = (requestId: string, at: Date) =>
  expireArchive(it.database, { requestId, at, keptMs: POLICY.exportsKeptMs });

test('one of three cancelled leaves the export that is under way, which collects again; the others stay in it', async () => {
  const deletion = await hidden(it, people('a', 'b', 'c'), first());
  const exporting = await backup(it, deletion);
  await withKey(it, exporting);
  const { wake } = await cancel(it, deletion, [2], days(1));
  expect(wake).toContain(exporting);
  expect(await states(it, exporting)).toEqual({ cancelled: 1, wanted: 2 });
  expect(await exportOf(it, exporting)).toMatchObject({ epoch: 2, keys: 1, unseen: true });
  await endBackup(it, exporting, { at: days(2) });
  expect(await lookAt(it, deletion, days(2))).toMatchObject({ attention: [] });
});

test('an export of anybody that is made for a deletion outlives its claim; that of a deletion that was cancelled does not', async () => {
  const shape = first();
  const kept = await hidden(it, people('a'), shape);
  const archive = await backup(it, kept);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  expect(await take(it, kept, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'ready', keys: 1, actions: [] });

  const cancelled = await hidden(it, people('b'), shape);
  const left = await backup(it, cancelled);
  await withKey(it, left);
  await endBackup(it, left, { at: days(1) });
  await cancel(it, cancelled, 'all', days(2));
  await follow(it, cancelled, days(2));
  await conclude(it.database, { requestId: cancelled, at: days(2) });
  const later = await hidden(it, people('b'), { ...shape, exportFirst: false });
  expect(await take(it, later, RUN)).toMatchObject({ claimed: 1, wake: [left] });
  expect(await exportOf(it, left)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('a deletion that was cancelled and still shows some again protects no archive of somebody whom another one claims', async () => {
  const shape = first();
  const cancelled = await hidden(it, people('a', 'b'), shape);
  const archive = await backup(it, cancelled);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(it, cancelled, 'all', days(2));
  await follow(it, heir, days(2));
  expect(await states(it, cancelled)).toEqual({ cancelled: 1, cancelling: 1 });
  expect(await take(it, heir, RUN)).toMatchObject({ claimed: 1, wake: [archive] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('one of two is taken back out of a ready archive and claimed by another: it is destroyed, and another one made of the rest', async () => {
  const shape = first();
  const deletion = await hidden(it, people('a', 'b'), shape);
  const archive = await backup(it, deletion);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(it, deletion, [1], days(2));
  await follow(it, heir, days(2));
  expect(await take(it, heir, RUN)).toMatchObject({ claimed: 1, wake: [archive, deletion] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
  expect(await take(it, deletion, RUN)).toMatchObject({ claimed: 0 });
  expect(await lookAt(it, deletion, RUN)).toMatchObject({ needsBackup: true, attention: [] });
  const another = await backup(it, deletion);
  expect(await states(it, another)).toEqual({ wanted: 1 });
  await endBackup(it, another, { at: after(1) });
  expect(await take(it, deletion, after(DAY))).toMatchObject({ claimed: 1 });
});

test('a backup outlives the claim: its week begins with the run, and anew while somebody in it still waits', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await withKey(it, exporting);
  await endBackup(it, exporting, { at: days(1) });
  expect(await expiryOf(exporting)).toEqual(after(7 * DAY));
  await expire(exporting, after(7 * DAY));
  expect(await expiryOf(exporting)).toEqual(after(14 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'ready', keys: 1 });
  expect(await take(it, deletion, after(8 * DAY))).toMatchObject({ claimed: 1 });
  await expire(exporting, after(14 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'expired', keys: 0, reason: 'expired' });
});

test('a backup of those who were taken back is kept no longer than any archive', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await endBackup(it, exporting, { at: days(1) });
  await cancel(it, deletion, 'all', days(2));
  await expire(exporting, after(7 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'expired' });
});

test('a backup that a member destroys before the claim: nobody is claimed, until an operator has another one made', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await endBackup(it, exporting, { at: days(1) });
  const by = { actor: 'operator', at: days(2) };
  const { wake } = await destroyArchive(it.database, { requestId: exporting, ...by });
  expect(wake).toEqual([exporting, deletion]);
  expect(await take(it, deletion, RUN)).toMatchObject({ claimed: 0 });
  const view = await lookAt(it, deletion, RUN);
  expect(view).toMatchObject({ claimable: 0, attention: [{ code: 'backup_missing' }] });
  expect(view).not.toHaveProperty('needsBackup');
  await retryProcessors(it.database, { requestId: deletion, processor: null, reason: 'ticket 7', ...by });
  expect(await lookAt(it, deletion, RUN)).toMatchObject({ needsBackup: true });
  await endBackup(it, await backup(it, deletion), { at: after(1) });
  expect(await take(it, deletion, after(DAY))).toMatchObject({ claimed: 1 });
});
