import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import type { ArchiveStorage } from '../../../archives/storage/storage.ts';
import { archiveFolder } from '../../support/archives.ts';
import { exportOf } from '../../support/exports.ts';
import { archiveText, objectsOf } from '../../support/world/archives.ts';
import { user } from '../../support/ledger.ts';
import { addUser, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { ended, eventually, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

/** Somebody is deleted while they are in an export (rule 17): whatever it is doing at that moment. */
let world: World;
const folder = archiveFolder();
/** Waited for before an archive is written; its parts are not kept waiting. */
let beforePacking: Promise<void> | null = null;
beforeAll(async () => {
  const stored = folderStorage(folder);
  const storage: ArchiveStorage = {
    ...stored,
    async write(name, bytes, signal) {
      const [requestId = ''] = name.split('/');
      if (beforePacking !== null && (await statusOf(world, requestId)).status === 'packaging') await beforePacking;
      return stored.write(name, bytes, signal);
    },
  };
  world = await startWorld(await timeSkipping(), { two: { crm: true } }, { storage });
});
afterAll(async () => world.close());
afterEach(() => {
  beforePacking = null;
  world.faultsOf('two', 'crm').beforeTable = null;
});

const add = (...ids: string[]) =>
  Promise.all([world.app, world.crm].flatMap((sql) => ids.map((id) => addUser(sql, id))));
const exporting = (...ids: string[]) =>
  submit(world, 'two', ids.map(user), { kind: 'export', hardDeleteAt: null, format: 'ndjson' });
const inStatus = (requestId: string, status: string) =>
  eventually(status, async () => (await statusOf(world, requestId)).status === status);
/** Claimed, and deleted everywhere, while no time is skipped. */
const deleted = async (id: string): Promise<void> => {
  await submit(world, 'two', [user(id)], { expedite: { when: 'now', reason: 'asked' } });
  for (const sql of [world.app, world.crm])
    await eventually('deleted', async () => Object.keys(await rowsOf(sql, id)).length === 0);
};
const own = (id: string) => new RegExp(`"user_id":"${id}"`);

test('deleted while being collected: everything is collected again without them, and the others are in the archive', async () => {
  await add('u-1', 'u-2');
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  world.faultsOf('two', 'crm').beforeTable = () => go;
  const requestId = await exporting('u-1', 'u-2');
  await eventually('one half is collected', async () => {
    const [row] =
      await world.sql`SELECT FROM lethe.collections WHERE request_id = ${requestId} AND state = 'collected'`;
    return row !== undefined;
  });
  await deleted('u-1');
  expect((await statusOf(world, requestId)).status).toBe('collecting');
  release();
  await inStatus(requestId, 'ready');
  expect(await exportOf(world, requestId)).toMatchObject({
    epoch: 2,
    keys: 1,
    actions: expect.arrayContaining(['export.restarted']),
  });
  expect((await statusOf(world, requestId)).states).toEqual({ exported: 1, left_out: 1 });
  const files = await archiveText(world, requestId);
  expect(files).not.toMatch(own('u-1'));
  expect(files).toMatch(own('u-2'));
  for (const sql of [world.app, world.crm]) expect(await rowsOf(sql, 'u-2')).toEqual(ALL_ROWS);
});

test('deleted while the archive is written: that archive is nobody’s, another one is made without them, and nothing else is left', async () => {
  await add('u-3', 'u-4');
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  beforePacking = go;
  const requestId = await exporting('u-3', 'u-4');
  await inStatus(requestId, 'packaging');
  await deleted('u-3');
  expect((await exportOf(world, requestId)).reason).toBeNull();
  release();
  await inStatus(requestId, 'ready');
  expect(await exportOf(world, requestId)).toMatchObject({ epoch: 2 });
  const files = await archiveText(world, requestId);
  expect(files).not.toMatch(own('u-3'));
  expect(files).toMatch(own('u-4'));
  await eventually('nothing else', async () => (await objectsOf(folder, requestId)) === 1);
});

test('deleted when the archive is ready: its key is gone with the claim, then its file; one of others stays', async () => {
  await add('u-5', 'u-6');
  const [holding, others] = [await exporting('u-5', 'u-6'), await exporting('u-6')];
  for (const requestId of [holding, others]) await inStatus(requestId, 'ready');
  await deleted('u-5');
  expect(await exportOf(world, holding)).toMatchObject({ status: 'expired', keys: 0, reason: 'subject_deleted' });
  await eventually('no file', async () => (await objectsOf(folder, holding)) === 0);
  expect(await ended(world, holding)).toBe('expired');
  expect(await exportOf(world, others)).toMatchObject({ status: 'ready', keys: 1, reason: null });
  expect(await archiveText(world, others)).toMatch(own('u-6'));
});

test('all of them deleted while being collected: cancelled, with neither key nor object left', async () => {
  await add('u-7');
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  world.faultsOf('two', 'crm').beforeTable = () => go;
  const requestId = await exporting('u-7');
  await eventually('begun', async () => (await objectsOf(folder, requestId)) > 0);
  await deleted('u-7');
  release();
  expect(await ended(world, requestId)).toBe('cancelled');
  expect(await exportOf(world, requestId)).toMatchObject({ keys: 0, reason: null });
  expect((await statusOf(world, requestId)).states).toEqual({ left_out: 1 });
  expect(await objectsOf(folder, requestId)).toBe(0);
});

test('a part-deletion that is claimed and has not got far: what an archive took before its columns were empty is destroyed', async () => {
  await add('u-8', 'u-9');
  const faults = world.faultsOf('two', 'crm');
  faults.away.add('hardDelete');
  const now = { when: 'now', reason: 'asked' } as const;
  const deletion = await submit(world, 'two', [user('u-8')], { scope: 'categories', expedite: now });
  await eventually('claimed', async () => (await statusOf(world, deletion)).status === 'deleting');
  const [holding, others] = [await exporting('u-8', 'u-9'), await exporting('u-9')];
  for (const requestId of [holding, others]) await inStatus(requestId, 'ready');
  faults.away.delete('hardDelete');
  await inStatus(holding, 'expired');
  expect(await exportOf(world, holding)).toMatchObject({
    keys: 0,
    reason: 'subject_deleted',
    actions: expect.arrayContaining(['export.revoked']),
  });
  expect(await exportOf(world, others)).toMatchObject({ status: 'ready', keys: 1, reason: null });
  const again = await exporting('u-8');
  await inStatus(again, 'ready');
  const [row] = await world.crm`SELECT name FROM app.users WHERE user_id = 'u-8'`;
  expect(row).toEqual({ name: null });
  expect(await exportOf(world, again)).toMatchObject({ epoch: 1, keys: 1 });
});
