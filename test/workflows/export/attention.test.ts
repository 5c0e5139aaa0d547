import { afterEach, expect, test } from 'vitest';
import { ConnectorError } from '../../../connectors/connector.ts';
import { childWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { skipSystem } from '../../../db/attention/retry.ts';
import { user } from '../../support/ledger.ts';
import { addUser } from '../../support/world/users.ts';
import {
  cancel,
  endedInRealTime,
  eventually,
  nowOf,
  retry,
  skippingUntil,
  statusOf,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';
import {
  hasKey,
  countStoredIdentities,
  waitForOnlyParts,
  waitForStatus,
  rowsIn,
  faultyStorage,
  submitExport,
} from './exporting.ts';

const storage = faultyStorage();
const world = await withWorld({ demo: {}, two: { crm: true } }, { storage });
afterEach(() => void Object.assign(storage, { unavailable: false, lost: 0 }));

const readAttentionCodes = async (requestId: string) =>
  (await statusOf(world, requestId)).attention.map(({ code }) => code);
const epochOf = async (requestId: string) => {
  const [row] = await world.sql<{ epoch: number }[]>`SELECT epoch FROM lethe.requests WHERE id = ${requestId}`;
  return row?.epoch;
};
const expectNothingLeft = async (requestId: string) => {
  expect(storage.objectsOf(requestId)).toEqual([]);
  expect(await hasKey(world, requestId)).toBe(false);
  expect(await countStoredIdentities(world, requestId)).toBe(0);
  expect((await world.sql`SELECT FROM lethe.archives WHERE request_id = ${requestId}`).count).toBe(0);
};
/** Blocks the collection before a table until `open` is called. */
function blockBefore(table: string) {
  const { promise: reached, resolve: markReached } = Promise.withResolvers<void>();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  world.faultsOf('demo').beforeTable = async (name) => {
    if (name !== table) return;
    markReached();
    await gate;
  };
  return { reached, open };
}

test('raises attention while a system is unavailable, and is ready only with the data of that system', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  world.faultsOf('two', 'crm').away.add('export');
  const requestId = await submitExport(world, 'two', [user('u-1')]);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('system_unavailable'),
  );
  await world.env.sleep('30 minutes');
  expect(await statusOf(world, requestId)).toMatchObject({ status: 'collecting', attention: [{ system: 'crm' }] });
  const skip = { requestId, system: 'crm', reason: 'no', actor: 'operator', at: await nowOf(world) };
  await expect(skipSystem(world.database, skip)).rejects.toMatchObject({ code: 'wrong_kind' });
  world.faultsOf('two', 'crm').away.clear();
  await skippingUntil(world, 'ready', async () => (await statusOf(world, requestId)).status === 'ready');
  expect(await rowsIn(world, requestId)).toMatchObject({
    'data/app/app.events.ndjson': 3,
    'data/crm/app.events.ndjson': 3,
  });
  expect(await readAttentionCodes(requestId)).toEqual([]);
});

test('raises attention at once when a system refuses, and continues after a retry', async () => {
  await addUser(world.app, 'u-2');
  world.faultsOf('demo').refused.add('export');
  const requestId = await submitExport(world, 'demo', [user('u-2')]);
  await eventually('attention', async () => (await readAttentionCodes(requestId)).includes('system_refused'));
  await eventually('deferred', async () => {
    const [row] = await world.sql<{ later: boolean }[]>`
      SELECT retry_at < since + interval '2 hours' AS later FROM lethe.attention WHERE request_id = ${requestId}`;
    return row?.later === true;
  });
  world.faultsOf('demo').refused.clear();
  expect((await statusOf(world, requestId)).status).toBe('collecting');
  await retry(world, requestId);
  await waitForStatus(world, requestId, 'ready');
  expect(await readAttentionCodes(requestId)).toEqual([]);
});

test('collects every table again when an attempt fails, and leaves no object of the failed attempt', async () => {
  await addUser(world.app, 'u-3');
  let objectsAtFailure = 0;
  world.faultsOf('demo').beforeTable = async (table) => {
    if (table !== 'app.orders' || objectsAtFailure > 0) return;
    objectsAtFailure = storage.objectsOf(requestId).length;
    throw new ConnectorError('unavailable', 'connection lost', { retryable: true });
  };
  const requestId: string = await submitExport(world, 'demo', [user('u-3')]);
  await skippingUntil(world, 'ready', async () => (await statusOf(world, requestId)).status === 'ready');
  expect(objectsAtFailure).toBeGreaterThan(0);
  expect(await rowsIn(world, requestId)).toMatchObject({
    'data/app/app.users.ndjson': 1,
    'data/app/app.events.ndjson': 3,
  });
  const tables = await world.sql<{ name: string }[]>`
    SELECT facts ->> 'table' AS name FROM lethe.collected_tables WHERE request_id = ${requestId}`;
  expect(new Set(tables.map(({ name }) => name)).size).toBe(tables.length);
  await waitForOnlyParts(world, storage, requestId);
});

test('raises attention while the storage is unavailable, and packages the archive afterwards', async () => {
  await addUser(world.app, 'u-4');
  storage.unavailable = true;
  const requestId = await submitExport(world, 'demo', [user('u-4')]);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('storage_unavailable'),
  );
  expect((await statusOf(world, requestId)).status).toBe('packaging');
  storage.unavailable = false;
  await skippingUntil(world, 'ready', async () => (await statusOf(world, requestId)).status === 'ready');
  expect(await rowsIn(world, requestId)).toMatchObject({ 'data/app/app.events.ndjson': 3 });
  expect(await epochOf(requestId)).toBe(1);
});

test('collects everything again when the storage has lost an object', async () => {
  await addUser(world.app, 'u-5');
  storage.lost = 1;
  const requestId = await submitExport(world, 'demo', [user('u-5')]);
  await skippingUntil(world, 'ready', async () => (await statusOf(world, requestId)).status === 'ready');
  expect(await epochOf(requestId)).toBe(2);
  expect(await rowsIn(world, requestId)).toMatchObject({
    'data/app/app.users.ndjson': 1,
    'data/app/app.events.ndjson': 3,
  });
  await waitForOnlyParts(world, storage, requestId);
});

test('leaves no archive, key, object or identity when it is cancelled during the collection', async () => {
  await addUser(world.app, 'u-6');
  const { reached, open } = blockBefore('app.orders');
  const requestId = await submitExport(world, 'demo', [user('u-6')], { notify: 'colleague@example.test' });
  await reached;
  expect(storage.objectsOf(requestId).length).toBeGreaterThan(0);
  await cancel(world, requestId, 'all');
  expect(await hasKey(world, requestId)).toBe(false);
  open();
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  await expectNothingLeft(requestId);
});

test('collects again without a subject that is cancelled during the collection', async () => {
  await Promise.all([addUser(world.app, 'u-7'), addUser(world.app, 'u-8')]);
  const { reached, open } = blockBefore('app.orders');
  const requestId = await submitExport(world, 'demo', [user('u-7'), user('u-8')]);
  await reached;
  await cancel(world, requestId, [2]);
  open();
  await waitForStatus(world, requestId, 'ready');
  expect(await epochOf(requestId)).toBe(2);
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1, exported: 1 });
  expect(await rowsIn(world, requestId)).toMatchObject({
    'data/app/app.users.ndjson': 1,
    'data/app/app.events.ndjson': 3,
  });
  await expect(cancel(world, requestId, [1])).rejects.toMatchObject({ code: 'too_late' });
});

test('leaves nothing when an operator cancels the workflow in Temporal while a system is unavailable', async () => {
  await addUser(world.app, 'u-9');
  world.faultsOf('demo').away.add('export');
  const requestId = await submitExport(world, 'demo', [user('u-9')]);
  await eventually('collecting', async () => world.faultsOf('demo').calls.includes('export'));
  await waitForStatus(world, requestId, 'collecting');
  await world.env.client.workflow.getHandle(workflowIdFor(requestId)).cancel();
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  await expectNothingLeft(requestId);
  // No attempt is left that could write later.
  const child = world.env.client.workflow.getHandle(childWorkflowIdFor(requestId, 'app', 1));
  expect((await child.describe()).status.name).not.toBe('RUNNING');
  expect(storage.objectsOf(requestId)).toEqual([]);
});

// Must be the last test: the time-skipping server gives the workflow's next task to the stopped worker. For that reason
// test/e2e/export-killed.test.ts checks the archive.
test('collects every table exactly once when the workers restart during the collection', async () => {
  await addUser(world.app, 'u-10');
  const { reached, open } = blockBefore('app.orders');
  const requestId = await submitExport(world, 'demo', [user('u-10')]);
  await reached;
  const stopped = world.stopWorkers();
  open();
  await stopped;
  const collected = () =>
    world.sql`SELECT FROM lethe.collections WHERE request_id = ${requestId} AND state = 'collected'`;
  expect((await collected()).count).toBe(0);
  world.faultsOf('demo').beforeTable = null;
  await world.startWorkers();
  await eventually('collected', async () => (await collected()).count === 1);
  const tables = await world.sql<{ name: string; rows: number }[]>`
    SELECT facts ->> 'table' AS name, (facts ->> 'rows')::bigint AS rows FROM lethe.collected_tables WHERE request_id = ${requestId}`;
  expect(new Set(tables.map(({ name }) => name)).size).toBe(tables.length);
  expect(tables.find(({ name }) => name === 'app.events')?.rows).toBe(3);
});
