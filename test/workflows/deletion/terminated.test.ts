import { afterAll, beforeAll, expect, test } from 'vitest';
import { childWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { attendedRequests } from '../../support/world/operator.ts';
import { addUser, rowsOf, WHOLE } from '../../support/world/people.ts';
import { ended, eventually, receiptOf, statusOf, submit } from '../../support/world/story.ts';
import { devServer } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';

/** In real time: the server that skips time stands still after a workflow that was terminated at work. */
let it: World;
beforeAll(async () => {
  const { env } = await devServer();
  it = await world(env, { two: { crm: true, policy: { graceMs: 500, window: null, settleMs: 500 } } });
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

test('terminated while it deletes: started again it goes on from the rows, and no row is counted twice', async () => {
  await Promise.all([addUser(it.app, 'u-1'), addUser(it.crm, 'u-1')]);
  it.faultsOf('two', 'crm').away.add('hardDelete');
  const requestId = await submit(it, 'two', [user('u-1')]);
  await eventually('deleted in app', async () => Object.keys(await rowsOf(it.app, 'u-1')).length === 0);
  await eventually('tried in crm', async () => it.faultsOf('two', 'crm').calls.includes('hardDelete'));
  await it.env.client.workflow.getHandle(workflowIdFor(requestId)).terminate('a test');
  const child = it.env.client.workflow.getHandle(childWorkflowIdFor(requestId, 'crm', 1));
  await eventually('the child ends with it', async () => (await child.describe()).status.name === 'TERMINATED');
  expect(await rowsOf(it.crm, 'u-1')).toEqual(WHOLE);
  it.faultsOf('two', 'crm').away.clear();
  await it.database`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  expect(await attendedRequests(it)).toBe(1);
  expect(await ended(it, requestId)).toBe('completed');
  expect(await rowsOf(it.crm, 'u-1')).toEqual({});
  expect((await statusOf(it, requestId)).states).toEqual({ deleted: 1 });
  const { processors } = await receiptOf(it, requestId);
  expect(processors.map(({ processor }) => processor)).toEqual(['app', 'crm']);
  for (const { tables } of processors) {
    expect(tables.find(({ table }) => table === 'app.events')?.removed).toBe(3);
    expect(tables.find(({ table }) => table === 'app.users')?.removed).toBe(1);
  }
});

test('housekeeping leaves a workflow that runs as it is, and starts none for what has ended', async () => {
  await addUser(it.app, 'u-2');
  const requestId = await submit(it, 'two', [user('u-2')]);
  const { runId } = await it.env.client.workflow.getHandle(workflowIdFor(requestId)).describe();
  await it.database`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  await attendedRequests(it);
  expect(await ended(it, requestId)).toBe('completed');
  const handle = it.env.client.workflow.getHandle(workflowIdFor(requestId));
  expect((await handle.describe()).runId).toBe(runId);
  await it.database`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  expect(await attendedRequests(it)).toBe(0);
});
