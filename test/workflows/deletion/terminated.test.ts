import { expect, test } from 'vitest';
import { childWorkflowIdFor, notificationWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { runHousekeeping, recoverTerminated } from '../../support/world/operator.ts';
import { addUser, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { ended, eventually, receiptOf, statusOf, submit } from '../../support/world/actions.ts';
import { withWorldInRealTime } from '../../support/world/world.ts';

/** In real time: the time-skipping server stops skipping after it terminates a workflow with a running activity. */
const world = await withWorldInRealTime({ two: { crm: true, policy: { graceMs: 500, window: null, settleMs: 500 } } });

test('continues from the rows and counts no row twice when the workflow is terminated during the deletion', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  world.faultsOf('two', 'crm').away.add('hardDelete');
  const requestId = await submit(world, 'two', [user('u-1')]);
  await eventually('deleted in app', async () => Object.keys(await rowsOf(world.app, 'u-1')).length === 0);
  await eventually('tried in crm', async () => world.faultsOf('two', 'crm').calls.includes('hardDelete'));
  await world.env.client.workflow.getHandle(workflowIdFor(requestId)).terminate('a test');
  const child = world.env.client.workflow.getHandle(childWorkflowIdFor(requestId, 'crm', 1));
  await eventually('the child is terminated', async () => (await child.describe()).status.name === 'TERMINATED');
  expect(await rowsOf(world.crm, 'u-1')).toEqual(ALL_ROWS);
  world.faultsOf('two', 'crm').away.clear();
  await recoverTerminated(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.crm, 'u-1')).toEqual({});
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 1 });
  const { systems } = await receiptOf(world, requestId);
  expect(systems.map(({ system }) => system)).toEqual(['app', 'crm']);
  for (const { tables } of systems) {
    expect(tables.find(({ table }) => table === 'app.events')?.removed).toBe(3);
    expect(tables.find(({ table }) => table === 'app.users')?.removed).toBe(1);
  }
});

test('does not restart a running workflow or a concluded request during housekeeping', async () => {
  await addUser(world.app, 'u-2');
  const requestId = await submit(world, 'two', [user('u-2')]);
  const { runId } = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).describe();
  await world.sql`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  await runHousekeeping(world);
  expect(await ended(world, requestId)).toBe('completed');
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  expect((await handle.describe()).runId).toBe(runId);
  await world.sql`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  expect(await runHousekeeping(world)).toBe(0);
});

test('shows a summary and details for each child workflow', async () => {
  await Promise.all([addUser(world.app, 'u-3'), addUser(world.crm, 'u-3')]);
  const requestId = await submit(world, 'two', [user('u-3')]);
  expect(await ended(world, requestId)).toBe('completed');
  const child = world.env.client.workflow.getHandle(childWorkflowIdFor(requestId, 'crm', 1));
  const { staticSummary, staticDetails } = await child.describe();
  expect(await staticSummary()).toBe('Delete 1 subject from crm (batch 1)');
  expect(await staticDetails()).toBe('Deletes the rows, verifies, and verifies again after the settle period.');
});

test('shows a summary for the workflow that delivers the notifications of a channel', async () => {
  await world.orchestrator.startNotifications('two', 'mail');
  const { staticSummary } = await world.env.client.workflow
    .getHandle(notificationWorkflowIdFor('two', 'mail'))
    .describe();
  expect(await staticSummary()).toBe('Notifications of two: mail');
});
