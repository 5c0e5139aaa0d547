import { expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { readDeletionRow } from '../../../db/requests/row.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../domain/calendar.ts';
import { archiveFolder } from '../../support/archives.ts';
import { backupsOf, archiveText, objectsOf } from '../../support/world/archives.ts';
import { user } from '../../support/ledger.ts';
import { waitUntilIdle } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  ended,
  endedInRealTime,
  eventually,
  nowOf,
  receiptOf,
  retry,
  skippingUntil,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';

const folder = archiveFolder();
const world = await withWorld(
  { demo: {}, two: { crm: true }, growing: { policy: { growth: 2 } } },
  { storage: folderStorage(folder) },
);
const catalog = new Map(world.deps.catalog);
Object.assign(world.deps, { catalog });

const EXPORT_FIRST = { exportFirst: true };
const readAttentionCodes = async (requestId: string) =>
  (await statusOf(world, requestId)).attention.map(({ code }) => code);
const waitUntilHidden = (requestId: string) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === 1);
const waitUntilReady = (requestId: string, count = 1) =>
  eventually('ready', async () => {
    const backups = await backupsOf(world, requestId);
    return backups.length === count && backups.every(({ status }) => status === 'ready');
  });
const onlyBackup = async (requestId: string): Promise<string> => {
  const [backup, ...more] = await backupsOf(world, requestId);
  expect(more).toEqual([]);
  return backup?.id ?? '';
};
const claimedAt = async (requestId: string): Promise<number> => {
  const [row] = await world.sql<
    { at: Date }[]
  >`SELECT claimed_at AS at FROM lethe.subjects WHERE request_id = ${requestId}`;
  return row?.at.getTime() ?? 0;
};
/** Removes the system from the configuration. Returns a function that restores it. */
const removeFromConfig = (name: string, system: string): (() => void) => {
  const project = catalog.get(name);
  if (project === undefined) throw new Error('no such project');
  catalog.set(name, { ...project, systems: project.systems.filter(({ name: other }) => other !== system) });
  return () => void catalog.set(name, project);
};
/** Skips time past the run that would claim the subject. */
const skipPastRun = async (requestId: string) => {
  const { hardDeleteAt } = await readDeletionRow(world.database, requestId);
  await sleepUntil(world, new Date(hardDeleteAt.getTime() + HOUR_MS));
};

test('exports every row before the deletion, keeps the archive for a week after it, and names it in the receipt', async () => {
  await addUser(world.app, 'u-1', { events: 5 });
  await addUser(world.app, 'bystander');
  const deletion = await submit(world, 'demo', [user('u-1')], EXPORT_FIRST);
  await waitUntilReady(deletion);
  const backup = await onlyBackup(deletion);
  expect(await isHidden(world.app, 'u-1')).toEqual({ flagged: true, hidden: true });
  const files = await archiveText(world, backup);
  expect(files.match(/"user_id":"u-1"/g)?.length).toBeGreaterThanOrEqual(8);
  expect(files).not.toContain('bystander');
  expect(await rowsOf(world.app, 'u-1')).toEqual({ ...ALL_ROWS, events: 5 });
  const { hardDeleteAt } = await readDeletionRow(world.database, deletion);
  await skipPastRun(deletion);
  await eventually('deleted', async () => Object.keys(await rowsOf(world.app, 'u-1')).length === 0);
  // In steps, since waiting for the result would also skip to the expiry of the archive.
  await skippingUntil(world, 'completed', async () => (await statusOf(world, deletion)).status === 'completed');
  const { backups } = await receiptOf(world, deletion);
  expect(backups).toMatchObject([{ requestId: backup, subjects: 1 }]);
  expect(backups[0]?.expiresAt).toBe(new Date(hardDeleteAt.getTime() + 7 * DAY_MS).toISOString());
  expect((await backupsOf(world, deletion)).map(({ status }) => status)).toEqual(['ready']);
  expect(await ended(world, deletion)).toBe('completed');
  expect(await rowsOf(world.app, 'bystander')).toEqual(ALL_ROWS);
});

test('claims no subject while the export before the deletion fails, and claims it at the run after the repair', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  const crm = world.faultsOf('two', 'crm');
  crm.refused.add('export');
  const deletion = await submit(world, 'two', [user('u-2')], EXPORT_FIRST);
  const submittedAt = await nowOf(world);
  await waitUntilHidden(deletion);
  await eventually('attention', async () => (await readAttentionCodes(deletion)).includes('backup_failing'));
  expect((await statusOf(world, deletion)).attention).toMatchObject([{ system: 'crm', step: 'backup' }]);
  // A system that is not configured is not retried, which saves an attempt per hour for twenty days.
  const restoreConfig = removeFromConfig('two', 'crm');
  await skipPastRun(deletion);
  expect(await statusOf(world, deletion)).toMatchObject({ status: 'grace', states: { soft_deleted: 1 } });
  await sleepUntil(world, new Date(submittedAt.getTime() + 20 * DAY_MS));
  for (const sql of [world.app, world.crm]) {
    expect(await rowsOf(sql, 'u-2')).toEqual(ALL_ROWS);
    expect(await isHidden(sql, 'u-2')).toEqual({ flagged: true, hidden: true });
  }
  expect(crm.calls).not.toContain('hardDelete');
  expect(await readAttentionCodes(deletion)).toEqual(['backup_failing', 'system_missing']);
  expect((await backupsOf(world, deletion)).map(({ status }) => status)).toEqual(['collecting']);
  crm.refused.clear();
  restoreConfig();
  const repairedAt = await nowOf(world);
  await retry(world, deletion);
  expect(await ended(world, deletion)).toBe('completed');
  const claimed = await claimedAt(deletion);
  expect(claimed).toBeGreaterThan(repairedAt.getTime());
  expect(claimed - repairedAt.getTime()).toBeLessThan(DAY_MS + 10 * MINUTE_MS);
  expect(claimed % DAY_MS).toBeGreaterThanOrEqual(2 * HOUR_MS);
  expect(claimed % DAY_MS).toBeLessThan(2 * HOUR_MS + 10 * MINUTE_MS);
  for (const sql of [world.app, world.crm]) expect(await rowsOf(sql, 'u-2')).toEqual({});
  expect((await receiptOf(world, deletion)).backups).toMatchObject([{ subjects: 1 }]);
});

test('deletes an expedited subject as soon as the archive is ready, and not before', async () => {
  await Promise.all([addUser(world.app, 'u-3'), addUser(world.crm, 'u-3')]);
  const crm = world.faultsOf('two', 'crm');
  crm.refused.add('export');
  const deletion = await submit(world, 'two', [user('u-3')], {
    ...EXPORT_FIRST,
    expedite: { when: 'now', reason: 'asked' },
  });
  await waitUntilHidden(deletion);
  await eventually('attention', async () => (await readAttentionCodes(deletion)).includes('backup_failing'));
  expect(await rowsOf(world.app, 'u-3')).toEqual(ALL_ROWS);
  crm.refused.clear();
  await retry(world, deletion);
  await skippingUntil(world, 'deleted', async () => Object.keys(await rowsOf(world.crm, 'u-3')).length === 0);
  const [archive] = await world.sql<{ readyAt: Date }[]>`
    SELECT ready_at FROM lethe.archives WHERE request_id = ${await onlyBackup(deletion)}`;
  const waited = (await claimedAt(deletion)) - (archive?.readyAt.getTime() ?? 0);
  expect(waited).toBeGreaterThanOrEqual(0);
  expect(waited).toBeLessThan(HOUR_MS);
  expect(await ended(world, deletion)).toBe('completed');
});

test('exports a subject that joins just before the claim, and deletes it at a later run', async () => {
  await Promise.all(['u-4', 'u-5'].map((id) => addUser(world.app, id)));
  await world.app`INSERT INTO app.aliases VALUES ('device-4', 'u-4')`;
  const deletion = await submit(world, 'growing', [{ type: 'alias', value: ['device-4'] }], EXPORT_FIRST);
  await waitUntilReady(deletion);
  await world.app`INSERT INTO app.aliases VALUES ('device-4', 'u-5')`;
  await skipPastRun(deletion);
  await eventually('the first is deleted', async () => Object.keys(await rowsOf(world.app, 'u-4')).length === 0);
  expect(await rowsOf(world.app, 'u-5')).toEqual(ALL_ROWS);
  await eventually(
    'the second is in an archive',
    async () => (await backupsOf(world, deletion))[1]?.status === 'ready',
  );
  const later = (await backupsOf(world, deletion))[1]?.id ?? '';
  const files = await archiveText(world, later);
  expect(files).toContain('"user_id":"u-5"');
  expect(files).not.toContain('"user_id":"u-4"');
  expect(await rowsOf(world.app, 'u-5')).toEqual(ALL_ROWS);
  expect(await ended(world, deletion)).toBe('completed');
  expect(await rowsOf(world.app, 'u-5')).toEqual({});
  expect((await receiptOf(world, deletion)).backups).toHaveLength(2);
});

test('waits for the archive of an attached request that exports first', async () => {
  await Promise.all([addUser(world.app, 'u-6'), addUser(world.crm, 'u-6')]);
  const owner = await submit(world, 'two', [user('u-6')]);
  await waitUntilHidden(owner);
  await world.env.sleep('13 days');
  const crm = world.faultsOf('two', 'crm');
  crm.refused.add('export');
  const attached = await submit(world, 'two', [user('u-6')], EXPORT_FIRST);
  await eventually('attached', async () => (await statusOf(world, attached)).states.attached === 1);
  await eventually('attention', async () => (await readAttentionCodes(attached)).includes('backup_failing'));
  await skipPastRun(owner);
  expect(await rowsOf(world.app, 'u-6')).toEqual(ALL_ROWS);
  expect((await statusOf(world, owner)).states).toEqual({ soft_deleted: 1 });
  crm.refused.clear();
  await retry(world, attached);
  expect(await ended(world, owner)).toBe('completed');
  expect(await ended(world, attached)).toBe('completed');
  for (const sql of [world.app, world.crm]) expect(await rowsOf(sql, 'u-6')).toEqual({});
  expect((await receiptOf(world, attached)).backups).toMatchObject([{ subjects: 1 }]);
  expect((await receiptOf(world, owner)).backups).toEqual([]);
});

test('raises attention and claims no subject when the export is cancelled, and exports again after a retry', async () => {
  await addUser(world.app, 'u-7');
  world.faultsOf('demo').refused.add('export');
  const deletion = await submit(world, 'demo', [user('u-7')], EXPORT_FIRST);
  await eventually('the export has started', async () => (await backupsOf(world, deletion)).length === 1);
  const backup = await onlyBackup(deletion);
  await eventually('refused', async () => (await readAttentionCodes(backup)).includes('system_refused'));
  await waitUntilIdle(world, backup);
  await cancel(world, backup, 'all');
  expect(await endedInRealTime(world, backup)).toBe('cancelled');
  await eventually('attention', async () => (await readAttentionCodes(deletion)).includes('backup_missing'));
  world.faultsOf('demo').refused.clear();
  await skipPastRun(deletion);
  expect(await rowsOf(world.app, 'u-7')).toEqual(ALL_ROWS);
  expect(await backupsOf(world, deletion)).toHaveLength(1);
  await retry(world, deletion);
  await eventually('the second export is ready', async () => (await backupsOf(world, deletion))[1]?.status === 'ready');
  expect(await readAttentionCodes(deletion)).toEqual([]);
  expect(await ended(world, deletion)).toBe('completed');
  expect(await rowsOf(world.app, 'u-7')).toEqual({});
});

test('restores the subject and leaves no key and no object when the deletion is cancelled during its export', async () => {
  await Promise.all([addUser(world.app, 'u-8'), addUser(world.crm, 'u-8')]);
  world.faultsOf('two', 'crm').refused.add('export');
  const deletion = await submit(world, 'two', [user('u-8')], EXPORT_FIRST);
  await eventually('the export has started', async () => (await backupsOf(world, deletion)).length === 1);
  const backup = await onlyBackup(deletion);
  await eventually('partly collected', async () => (await objectsOf(folder, backup)) > 0);
  // The time-skipping server loses the cancellation of an activity that is failing.
  await eventually('attention', async () => (await readAttentionCodes(backup)).length > 0);
  await waitUntilIdle(world, backup);
  await cancel(world, deletion, 'all');
  expect(await endedInRealTime(world, deletion)).toBe('cancelled');
  expect(await endedInRealTime(world, backup)).toBe('cancelled');
  expect(await isHidden(world.app, 'u-8')).toEqual({ flagged: false, hidden: false });
  expect(await objectsOf(folder, backup)).toBe(0);
  expect(await world.sql`SELECT FROM lethe.archive_keys WHERE request_id = ${backup}`).toHaveLength(0);
  expect(await readAttentionCodes(deletion)).toEqual([]);
});
