import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { recoverTerminated, waitForConfirmationStage } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { cancel, confirm, ended, endedInRealTime, eventually, statusOf, submit } from '../../support/world/actions.ts';
import { type World, withWorldInRealTime } from '../../support/world/world.ts';

/** In real time, on the server that also cancels activities: the one that skips time does neither of these well. */
const world = await withWorldInRealTime({ two: { crm: true, policy: { graceMs: 500, window: null, settleMs: 500 } } });

test('terminated while it waits: started again it waits on, and goes on once it is confirmed', async () => {
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

const left = async (sql: World['app'], requestId: string) => {
  const [row] = await sql<{ identities: number }[]>`
    SELECT count(*)::int AS identities FROM lethe_system.batch WHERE request_id = ${requestId}`;
  return row?.identities;
};

test('called off while a system is away that was to be counted: nobody waits for it', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  world.faultsOf('two', 'crm').away.add('count');
  const tried = world.faultsOf('two', 'crm').calls.length;
  const requestId = await submit(world, 'two', [user('u-2')], { confirm: true });
  await eventually('tried in crm', async () => world.faultsOf('two', 'crm').calls.slice(tried).includes('count'));
  await cancel(world, requestId, 'all');
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  world.faultsOf('two', 'crm').away.clear();
  expect(await rowsOf(world.crm, 'u-2')).toEqual(ALL_ROWS);
  expect([await left(world.app, requestId), await left(world.crm, requestId)]).toEqual([0, 0]);
});

test('a system that cannot be counted is skipped: the others wait for their confirmation, and it is not asked again', async () => {
  await Promise.all([addUser(world.app, 'u-4'), addUser(world.crm, 'u-4')]);
  const faults = world.faultsOf('two', 'crm');
  faults.away.add('count');
  const requestId = await submit(world, 'two', [user('u-4')], { confirm: true });
  await eventually('attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  const by = { requestId, system: 'crm', reason: 'shut down', actor: 'mem_owner', at: new Date() };
  await world.orchestrator.wake((await skipSystem(world.database, by)).wake);
  await waitForConfirmationStage(world, requestId);
  expect((await statusOf(world, requestId)).counts.map(({ system }) => system)).toEqual(['app']);
  const asked = faults.calls.length;
  await confirm(world, requestId, 1);
  expect(await ended(world, requestId)).toBe('partially_completed');
  expect(faults.calls.slice(asked)).toEqual([]);
  faults.away.clear();
  expect(await rowsOf(world.app, 'u-4')).toEqual({});
});

test('called off in the middle of a count: it is tidied up only after that, and no identity is left behind', async () => {
  await Promise.all([addUser(world.app, 'u-3'), addUser(world.crm, 'u-3')]);
  const faults = world.faultsOf('two', 'crm');
  let goOn = (): void => {};
  const waits = new Promise<void>((done) => (goOn = done));
  let begun = false;
  faults.beforeCount = async () => {
    begun = true;
    await waits;
  };
  const requestId = await submit(world, 'two', [user('u-3')], { confirm: true });
  await eventually('counting', async () => begun);
  const concluded = faults.calls.filter((verb) => verb === 'conclude').length;
  await cancel(world, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1 });
  expect(faults.calls.filter((verb) => verb === 'conclude')).toHaveLength(concluded);
  goOn();
  faults.beforeCount = null;
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  expect([await left(world.app, requestId), await left(world.crm, requestId)]).toEqual([0, 0]);
});

test('called off while it is being looked for: that is ended first, wherever it goes on, and no identity is left behind', async () => {
  const [app, crm] = [world.faultsOf('two'), world.faultsOf('two', 'crm')];
  let goOn = (): void => {};
  const waits = new Promise<void>((done) => (goOn = done));
  let begun = false;
  app.beforeCount = async () => {
    begun = true;
    await waits;
  };
  // Called off, this one has stopped at once.
  crm.away.add('count');
  const tried = crm.calls.length;
  const tidied = () => [app, crm].flatMap(({ calls }) => calls).filter((verb) => verb === 'conclude').length;
  const before = tidied();
  const requestId = await submit(world, 'two', [user('nobody-1')]);
  await eventually('looked for', async () => begun && crm.calls.slice(tried).includes('count'));
  await cancel(world, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1 });
  expect(tidied()).toBe(before);
  goOn();
  app.beforeCount = null;
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  crm.away.clear();
  expect(tidied()).toBe(before + 2);
  expect([await left(world.app, requestId), await left(world.crm, requestId)]).toEqual([0, 0]);
});
