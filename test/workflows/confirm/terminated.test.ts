import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { recoverTerminated, waitForConfirmationStage } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { cancel, confirm, ended, endedInRealTime, eventually, statusOf, submit } from '../../support/world/actions.ts';
import { type World, withWorldInRealTime } from '../../support/world/world.ts';

/** In real time: the time-skipping server handles neither a termination nor the cancellation of activities well. */
const world = await withWorldInRealTime({ two: { crm: true, policy: { graceMs: 500, window: null, settleMs: 500 } } });

test('continues to wait for the confirmation when housekeeping restarts a terminated workflow', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  const requestId = await submit(world, 'two', [user('u-1')], { confirm: true });
  await waitForConfirmationStage(world, requestId);
  await world.env.client.workflow.getHandle(workflowIdFor(requestId)).terminate('a test');
  await recoverTerminated(world, requestId);
  await waitForConfirmationStage(world, requestId);
  expect(world.faultsOf('two').calls.filter((verb) => verb === 'count')).toHaveLength(1);
  expect(await isHidden(world.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  await confirm(world, requestId, 1);
  expect(await ended(world, requestId)).toBe('completed');
  expect([await rowsOf(world.app, 'u-1'), await rowsOf(world.crm, 'u-1')]).toEqual([{}, {}]);
});

const countStoredIdentities = async (sql: World['app'], requestId: string) => {
  const [row] = await sql<{ identities: number }[]>`
    SELECT count(*)::int AS identities FROM lethe_system.batch WHERE request_id = ${requestId}`;
  return row?.identities;
};

test('ends without waiting for an unavailable system when it is cancelled during the count', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  world.faultsOf('two', 'crm').away.add('count');
  const callsBefore = world.faultsOf('two', 'crm').calls.length;
  const requestId = await submit(world, 'two', [user('u-2')], { confirm: true });
  await eventually('tried in crm', async () => world.faultsOf('two', 'crm').calls.slice(callsBefore).includes('count'));
  await cancel(world, requestId, 'all');
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  world.faultsOf('two', 'crm').away.clear();
  expect(await rowsOf(world.crm, 'u-2')).toEqual(ALL_ROWS);
  expect([
    await countStoredIdentities(world.app, requestId),
    await countStoredIdentities(world.crm, requestId),
  ]).toEqual([0, 0]);
});

test('waits for the confirmation without a system that an operator skipped, and does not call that system again', async () => {
  await Promise.all([addUser(world.app, 'u-4'), addUser(world.crm, 'u-4')]);
  const faults = world.faultsOf('two', 'crm');
  faults.away.add('count');
  const requestId = await submit(world, 'two', [user('u-4')], { confirm: true });
  await eventually('attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  const skip = { requestId, system: 'crm', reason: 'shut down', actor: 'mem_owner', at: new Date() };
  await world.orchestrator.signalRequests((await skipSystem(world.database, skip)).wake);
  await waitForConfirmationStage(world, requestId);
  expect((await statusOf(world, requestId)).counts.map(({ system }) => system)).toEqual(['app']);
  const callsBefore = faults.calls.length;
  await confirm(world, requestId, 1);
  expect(await ended(world, requestId)).toBe('partially_completed');
  expect(faults.calls.slice(callsBefore)).toEqual([]);
  faults.away.clear();
  expect(await rowsOf(world.app, 'u-4')).toEqual({});
});

test('cleans up after a running count has stopped and leaves no identity when it is cancelled during the count', async () => {
  await Promise.all([addUser(world.app, 'u-3'), addUser(world.crm, 'u-3')]);
  const faults = world.faultsOf('two', 'crm');
  let open = (): void => {};
  const gate = new Promise<void>((done) => (open = done));
  let hasStarted = false;
  faults.beforeCount = async () => {
    hasStarted = true;
    await gate;
  };
  const requestId = await submit(world, 'two', [user('u-3')], { confirm: true });
  await eventually('counting', async () => hasStarted);
  const cleanUps = faults.calls.filter((verb) => verb === 'conclude').length;
  await cancel(world, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1 });
  expect(faults.calls.filter((verb) => verb === 'conclude')).toHaveLength(cleanUps);
  open();
  faults.beforeCount = null;
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  expect([
    await countStoredIdentities(world.app, requestId),
    await countStoredIdentities(world.crm, requestId),
  ]).toEqual([0, 0]);
});

test('cleans up after every running search has stopped and leaves no identity when it is cancelled during the search', async () => {
  const [app, crm] = [world.faultsOf('two'), world.faultsOf('two', 'crm')];
  let open = (): void => {};
  const gate = new Promise<void>((done) => (open = done));
  let hasStarted = false;
  app.beforeCount = async () => {
    hasStarted = true;
    await gate;
  };
  // A failing count stops at once when it is cancelled.
  crm.away.add('count');
  const callsBefore = crm.calls.length;
  const cleanUps = () => [app, crm].flatMap(({ calls }) => calls).filter((verb) => verb === 'conclude').length;
  const before = cleanUps();
  const requestId = await submit(world, 'two', [user('unknown-1')]);
  await eventually('searching', async () => hasStarted && crm.calls.slice(callsBefore).includes('count'));
  await cancel(world, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1 });
  expect(cleanUps()).toBe(before);
  open();
  app.beforeCount = null;
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  crm.away.clear();
  expect(cleanUps()).toBe(before + 2);
  expect([
    await countStoredIdentities(world.app, requestId),
    await countStoredIdentities(world.crm, requestId),
  ]).toEqual([0, 0]);
});
