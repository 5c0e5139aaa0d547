import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  ended,
  endedInRealTime,
  eventually,
  skippingUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), {
    demo: {},
    two: { crm: true, policy: { graceMs: 3 * DAY_MS, window: null } },
  });
});
afterAll(async () => world.close());

const waitUntilSoftDeleted = (requestId: string) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === 1);

test('restores the unclaimed subject when an operator cancels the workflow in Temporal', async () => {
  await addUser(world.app, 'u-1');
  const requestId = await submit(world, 'demo', [user('u-1')]);
  await waitUntilSoftDeleted(requestId);
  await world.env.client.workflow.getHandle(workflowIdFor(requestId)).cancel();
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
  expect(await isHidden(world.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  expect(await rowsOf(world.app, 'u-1')).toEqual(ALL_ROWS);
  const audit = await world.sql<{ actor: string }[]>`
    SELECT actor FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'subjects.cancelled'`;
  expect(audit.map(({ actor }) => actor)).toEqual(['temporal']);
});

test('does not claim a subject before its run while a system cannot hide it, and restores it in each after a cancellation', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  world.faultsOf('two', 'crm').away.add('setVisibility');
  const requestId = await submit(world, 'two', [user('u-2')]);
  await eventually('hidden in app', async () => (await isHidden(world.app, 'u-2')).hidden);
  await skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  await world.env.sleep('30 minutes');
  expect((await statusOf(world, requestId)).states).toEqual({ resolved: 1 });
  expect(await rowsOf(world.app, 'u-2')).toEqual(ALL_ROWS);
  await cancel(world, requestId, 'all');
  await eventually('restored in app', async () => !(await isHidden(world.app, 'u-2')).flagged);
  expect((await statusOf(world, requestId)).states).toEqual({ cancelling: 1 });
  world.faultsOf('two', 'crm').away.clear();
  expect(await ended(world, requestId)).toBe('cancelled');
  expect(await isHidden(world.crm, 'u-2')).toEqual({ flagged: false, hidden: false });
});
