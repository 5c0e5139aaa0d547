import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { destroyArchive, expireArchive, readArchiveFacts } from '../../../db/exports/archive.ts';
import { updateCollectionProgress, readCollections, storeCollection } from '../../../db/exports/collections.ts';
import { concludeExport } from '../../../db/exports/conclude.ts';
import { readOrCreateKey, readKey } from '../../../db/exports/key.ts';
import { reconcileExport } from '../../../db/exports/reconcile.ts';
import { readPendingArchive, storeArchive } from '../../../db/exports/ready.ts';
import type { Manifest, PartFacts } from '../../../domain/archive.ts';
import type { CollectionKey } from '../../../domain/ids.ts';
import { exportOf, givenExport } from '../../support/exports.ts';
import { days, KEYS, ledger, POLICY, PROJECT, START, states, user } from '../../support/ledger.ts';

const world = await ledger();

const at = START;
const change = { actor: 'operator', at };
const reconcile = (requestId: string, withoutExport: readonly string[] = []) =>
  reconcileExport(world.database, { requestId, asOf: at, withoutExport, configured: ['app', 'crm'], directory: 'app' });
const keyOf = (requestId: string, epoch = 1): CollectionKey => ({
  requestId,
  project: PROJECT,
  system: 'app',
  epoch,
});
const facts = (table: string, rows: number): PartFacts => ({
  table,
  meaning: null,
  columns: [],
  windowed: false,
  retained: null,
  anonymised: [],
  rows,
  bytes: rows * 10,
  sha256: '00',
});
const collect = (requestId: string, object: string, rows = 1, epoch = 1) =>
  storeCollection(world.database, keyOf(requestId, epoch), {
    cutOffAt: at,
    parts: [{ object: `${requestId}/${object}`, facts: facts('app.users', rows) }],
  });
const makeKey = (requestId: string, key = 'a key') =>
  readOrCreateKey(world.database, KEYS, { requestId, project: PROJECT }, async () => key);
const cancel = (requestId: string, positions: readonly number[] | 'all' = 'all') =>
  cancelRequest(world.database, POLICY.window, { requestId, positions, ...change });
const manifest = (rows: number) => ({ files: [{ rows }] }) as unknown as Manifest;
const makeReady = (requestId: string, epoch = 1) =>
  storeArchive(
    world.database,
    { requestId, epoch, bytes: 9, sha256: 'ab', manifest: manifest(1) },
    { at, keptMs: POLICY.exportsKeptMs, window: POLICY.window },
  );

test('keeps the first complete attempt of a collection when a second one completes', async () => {
  const requestId = await givenExport(world, [user('u-1')]);
  expect(await reconcile(requestId)).toMatchObject({
    status: 'collecting',
    systemsToCollect: ['app'],
    canPackage: false,
  });
  await updateCollectionProgress(world.database, keyOf(requestId), { rows: 7, bytes: 70 });
  expect(await readCollections(world.database, requestId)).toMatchObject([{ state: 'pending', rows: 7, bytes: 70 }]);
  await collect(requestId, 'first', 3);
  await collect(requestId, 'second', 4);
  await updateCollectionProgress(world.database, keyOf(requestId), { rows: 99, bytes: 99 });
  expect(await readCollections(world.database, requestId)).toMatchObject([{ state: 'collected', rows: 3, bytes: 30 }]);
  expect(await reconcile(requestId)).toMatchObject({ status: 'packaging', systemsToCollect: [], canPackage: true });
  const pending = await readPendingArchive(world.database, requestId, at);
  expect(pending?.contents.parts.map(({ object }) => object)).toEqual([`${requestId}/first`]);
});

test('does not package tables that were collected before a subject was cancelled', async () => {
  const requestId = await givenExport(world, [user('u-2'), user('u-3')]);
  await reconcile(requestId);
  await collect(requestId, 'before');
  await reconcile(requestId);
  await cancel(requestId, [2]);
  expect(await makeReady(requestId, 1)).toBeNull();
  expect(await readArchiveFacts(world.database, requestId)).toBeNull();
  expect(await reconcile(requestId)).toMatchObject({ status: 'collecting', epoch: 2, systemsToCollect: ['app'] });
  await collect(requestId, 'late', 1, 1);
  expect(await reconcile(requestId)).toMatchObject({ status: 'collecting', systemsToCollect: ['app'] });
  expect(await readPendingArchive(world.database, requestId, at)).toBeNull();
  await collect(requestId, 'after', 1, 2);
  await reconcile(requestId);
  const pending = await readPendingArchive(world.database, requestId, at);
  expect(pending?.contents.parts.map(({ object }) => object)).toEqual([`${requestId}/after`]);
  expect(await makeReady(requestId, 2)).toEqual([]);
  expect(await states(world, requestId)).toEqual({ cancelled: 1, exported: 1 });
});

test('returns one key to concurrent callers, and does not create it again when no subject is left', async () => {
  const requestId = await givenExport(world, [user('u-4')]);
  expect(await makeKey(requestId)).toBeNull();
  await reconcile(requestId);
  const [first, second] = await Promise.all([makeKey(requestId, 'first'), makeKey(requestId, 'second')]);
  expect(first).toBe(second);
  expect(await readKey(world.database, KEYS, requestId)).toBe(first);
  await cancel(requestId);
  expect(await readKey(world.database, KEYS, requestId)).toBeNull();
  expect(await makeKey(requestId)).toBeNull();
  expect(await reconcile(requestId)).toMatchObject({ systemsToCollect: [], uncollected: [], canConclude: true });
  expect((await exportOf(world, requestId)).keys).toBe(0);
});

test('destroys an archive once, and only while it is ready', async () => {
  const requestId = await givenExport(world, [user('u-5')]);
  const destroy = () => destroyArchive(world.database, { requestId, ...change });
  await expect(destroy()).rejects.toMatchObject({ code: 'archive_not_ready' });
  await reconcile(requestId);
  await makeKey(requestId);
  await collect(requestId, 'part');
  await reconcile(requestId);
  await makeReady(requestId);
  await expect(cancel(requestId)).rejects.toMatchObject({ code: 'too_late' });
  expect((await destroy()).wake).toEqual([requestId]);
  await expect(destroy()).rejects.toMatchObject({ code: 'archive_not_ready' });
  await expireArchive(world.database, { requestId, at: days(7), keptMs: POLICY.exportsKeptMs });
  expect(await readArchiveFacts(world.database, requestId)).toMatchObject({
    reason: 'destroyed',
    sha256: 'ab',
    rows: 1,
  });
  expect((await exportOf(world, requestId)).keys).toBe(0);
  expect(await reconcile(requestId)).toMatchObject({ status: 'expired', concluded: false, canConclude: true });
  await concludeExport(world.database, { requestId, at: days(8), window: POLICY.window });
  await concludeExport(world.database, { requestId, at: days(9), window: POLICY.window });
  expect((await exportOf(world, requestId)).actions).toEqual(['export.ready', 'export.expired']);
});

test('ends as not found only when every system was collected completely and has no row', async () => {
  const requestId = await givenExport(world, [user('u-6')]);
  await reconcile(requestId);
  await collect(requestId, 'empty', 0);
  expect(await reconcile(requestId)).toMatchObject({ canConclude: true, canPackage: false });
  await concludeExport(world.database, { requestId, at, window: POLICY.window });
  expect(await exportOf(world, requestId)).toMatchObject({ status: 'not_found', actions: ['export.not_found'] });

  const withoutExport = await givenExport(world, [user('u-6')]);
  expect(await reconcile(withoutExport, ['app'])).toMatchObject({
    status: 'packaging',
    canPackage: true,
    canConclude: false,
  });
  expect((await readPendingArchive(world.database, withoutExport, at))?.contents.systems).toEqual([
    { system: 'app', cutOffAt: null },
  ]);

  const partial = await givenExport(world, [user('u-6')]);
  await world.sql`UPDATE lethe.requests SET systems = systems || '{"crm": "map"}' WHERE id = ${partial}`;
  await reconcile(partial, ['crm']);
  await collect(partial, 'empty', 0);
  expect(await reconcile(partial, ['crm'])).toMatchObject({ canPackage: true, canConclude: false });

  for (const changes of [{ regulation: 'ccpa' }, { scope: 'sources' }] as const) {
    const limited = await givenExport(world, [user('u-6')], changes);
    await reconcile(limited);
    await collect(limited, 'empty', 0);
    expect(await reconcile(limited)).toMatchObject({ canPackage: true, canConclude: false });
  }
});

test('does not conclude an export that is still open', async () => {
  const requestId = await givenExport(world, [user('u-7')]);
  await expect(concludeExport(world.database, { requestId, at, window: POLICY.window })).rejects.toThrow('still open');
  expect(await states(world, requestId)).toEqual({ selected: 1 });
});
