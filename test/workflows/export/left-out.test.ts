import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { folderStorage } from '../../../archives/storage/folder.ts';
import type { ArchiveStorage } from '../../../archives/storage/storage.ts';
import { archiveFolder } from '../../support/archives.ts';
import { exportOf } from '../../support/exports.ts';
import { archiveFiles, archiveText, objectsOf } from '../../support/world/archives.ts';
import { user } from '../../support/ledger.ts';
import { addUser, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { ended, eventually, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

// A deletion claims a subject of an export at different times (rule 17).
let world: World;
const folder = archiveFolder();
/** An archive is packed only after this has resolved. */
let beforePackaging: Promise<void> | null = null;
beforeAll(async () => {
  const stored = folderStorage(folder);
  const storage: ArchiveStorage = {
    ...stored,
    async *read(name) {
      await beforePackaging;
      yield* stored.read(name);
    },
  };
  world = await startWorld(await timeSkipping(), { two: { crm: true } }, { storage });
});
afterAll(async () => world.close());
afterEach(() => {
  beforePackaging = null;
  world.faultsOf('two', 'crm').beforeTable = null;
});

const addUsers = (...ids: string[]) =>
  Promise.all([world.app, world.crm].flatMap((sql) => ids.map((id) => addUser(sql, id))));
const submitExport = (...ids: string[]) =>
  submit(world, 'two', ids.map(user), { kind: 'export', hardDeleteAt: null, format: 'ndjson' });
const waitForStatus = (requestId: string, status: string) =>
  eventually(status, async () => (await statusOf(world, requestId)).status === status);
/** Submits an expedited deletion and waits until both systems have deleted the subject, without skipping time. */
const deleteNow = async (id: string): Promise<void> => {
  await submit(world, 'two', [user(id)], { expedite: { when: 'now', reason: 'asked' } });
  for (const sql of [world.app, world.crm])
    await eventually('deleted', async () => Object.keys(await rowsOf(sql, id)).length === 0);
};
const rowsOfUser = (id: string) => new RegExp(`"user_id":"${id}"`);

test('collects everything again without a subject that a deletion claims during the collection', async () => {
  await addUsers('u-1', 'u-2');
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  world.faultsOf('two', 'crm').beforeTable = () => gate;
  const requestId = await submitExport('u-1', 'u-2');
  await eventually('one system is collected', async () => {
    const [row] =
      await world.sql`SELECT FROM lethe.collections WHERE request_id = ${requestId} AND state = 'collected'`;
    return row !== undefined;
  });
  await deleteNow('u-1');
  expect((await statusOf(world, requestId)).status).toBe('collecting');
  open();
  await waitForStatus(requestId, 'ready');
  expect(await exportOf(world, requestId)).toMatchObject({
    epoch: 2,
    keys: 1,
    actions: expect.arrayContaining(['export.restarted']),
  });
  expect((await statusOf(world, requestId)).states).toEqual({ exported: 1, left_out: 1 });
  const files = await archiveText(world, requestId);
  expect(files).not.toMatch(rowsOfUser('u-1'));
  expect(files).toMatch(rowsOfUser('u-2'));
  for (const sql of [world.app, world.crm]) expect(await rowsOf(sql, 'u-2')).toEqual(ALL_ROWS);
});

test('discards an archive and packages again when a deletion claims a subject while it is packed', async () => {
  await addUsers('u-3', 'u-4');
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  beforePackaging = gate;
  const requestId = await submitExport('u-3', 'u-4');
  await waitForStatus(requestId, 'packaging');
  await deleteNow('u-3');
  expect((await exportOf(world, requestId)).reason).toBeNull();
  open();
  await waitForStatus(requestId, 'ready');
  expect(await exportOf(world, requestId)).toMatchObject({ epoch: 2 });
  const files = await archiveText(world, requestId);
  expect(files).not.toMatch(rowsOfUser('u-3'));
  expect(files).toMatch(rowsOfUser('u-4'));
  const [parts] = await world.sql<[{ count: number }]>`
    SELECT count(*)::int FROM lethe.collected_tables WHERE request_id = ${requestId} AND epoch = 2`;
  await eventually('only this archive is left', async () => (await objectsOf(folder, requestId)) === parts.count);
});

test('keeps a ready archive without a claimed subject, and destroys key and objects with the last one', async () => {
  await addUsers('u-5', 'u-6');
  const [affected, unaffected] = [await submitExport('u-5', 'u-6'), await submitExport('u-6')];
  for (const requestId of [affected, unaffected]) await waitForStatus(requestId, 'ready');
  const objects = await objectsOf(folder, affected);
  await deleteNow('u-5');
  expect(await exportOf(world, affected)).toMatchObject({
    status: 'ready',
    keys: 1,
    epoch: 1,
    removed: 1,
    reason: null,
  });
  const files = await archiveFiles(world, affected);
  const text = [...files.values()].join('\n');
  expect(text).not.toMatch(/\bu-5\b/);
  expect(text).toMatch(rowsOfUser('u-6'));
  const whole = await archiveFiles(world, unaffected);
  const dataOf = (all: ReadonlyMap<string, Buffer>) => [...all].filter(([path]) => path.startsWith('data/'));
  expect(dataOf(files)).toEqual(dataOf(whole));
  expect(await objectsOf(folder, affected)).toBe(objects);
  await deleteNow('u-6');
  for (const requestId of [affected, unaffected]) {
    expect(await exportOf(world, requestId)).toMatchObject({ status: 'expired', keys: 0, reason: 'subject_deleted' });
    await eventually('the objects are removed', async () => (await objectsOf(folder, requestId)) === 0);
    expect(await ended(world, requestId)).toBe('expired');
  }
});

test('ends as cancelled without key and object when a deletion claims the only subject', async () => {
  await addUsers('u-7');
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  world.faultsOf('two', 'crm').beforeTable = () => gate;
  const requestId = await submitExport('u-7');
  await eventually('the collection has started', async () => (await objectsOf(folder, requestId)) > 0);
  await deleteNow('u-7');
  open();
  expect(await ended(world, requestId)).toBe('cancelled');
  expect(await exportOf(world, requestId)).toMatchObject({ keys: 0, reason: null });
  expect((await statusOf(world, requestId)).states).toEqual({ left_out: 1 });
  expect(await objectsOf(folder, requestId)).toBe(0);
});

test('removes a subject from an archive that was collected before a claimed part deletion cleared the columns', async () => {
  await addUsers('u-8', 'u-9');
  const faults = world.faultsOf('two', 'crm');
  faults.away.add('hardDelete');
  const now = { when: 'now', reason: 'asked' } as const;
  const deletion = await submit(world, 'two', [user('u-8')], { scope: 'categories', expedite: now });
  await eventually('claimed', async () => (await statusOf(world, deletion)).status === 'deleting');
  const [affected, unaffected] = [await submitExport('u-8', 'u-9'), await submitExport('u-9')];
  for (const requestId of [affected, unaffected]) await waitForStatus(requestId, 'ready');
  faults.away.delete('hardDelete');
  await eventually('removed', async () => (await exportOf(world, affected)).removed === 1);
  expect(await exportOf(world, affected)).toMatchObject({ status: 'ready', keys: 1, subjectKeys: [2] });
  expect(await archiveText(world, affected)).not.toMatch(rowsOfUser('u-8'));
  expect(await exportOf(world, unaffected)).toMatchObject({ status: 'ready', keys: 1, reason: null });
  const again = await submitExport('u-8');
  await waitForStatus(again, 'ready');
  const [row] = await world.crm`SELECT name FROM app.users WHERE user_id = 'u-8'`;
  expect(row).toEqual({ name: null });
  expect(await exportOf(world, again)).toMatchObject({ epoch: 1, keys: 1 });
});
