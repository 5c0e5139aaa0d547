import { existsSync, writeFileSync } from 'node:fs';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notificationWorkflowIdFor, workflowIdFor } from '../../domain/ids.ts';
import { accept, user } from '../support/ledger.ts';
import { addUser } from '../support/world/users.ts';
import { respondWith, startReceiver } from '../support/servers/receiver.ts';
import { cancel, confirm, ended, eventually, hold, nowOf, statusOf, submit } from '../support/world/actions.ts';
import { timeSkipping } from '../support/servers/temporal.ts';
import { deliveriesOf, webhookAt } from '../support/webhooks.ts';
import { startWorld, type World } from '../support/world/world.ts';
import { waitForStatus, submitExport } from '../workflows/export/exporting.ts';

/**
 * `npm run record-histories` records histories of this code, which later code has to replay. Does not overwrite a
 * recorded history, because runs like it may still be open.
 */
let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), { demo: {}, notifying: {} });
});
afterAll(async () => world.close());

async function record(name: string, workflowId: string, runId?: string): Promise<void> {
  const file = new URL(`./histories/${name}.json`, import.meta.url);
  if (existsSync(file)) return;
  const history = await world.env.client.workflow.getHandle(workflowId, runId).fetchHistory();
  // The worker's identity names a machine and is not needed for a replay.
  const json: unknown = JSON.parse(historyToJSON(history), (key, value: unknown) =>
    key === 'identity' ? 'recorded' : value,
  );
  writeFileSync(file, `${JSON.stringify(json, null, 1)}\n`);
}
const submitHidden = async (id: string): Promise<string> => {
  await addUser(world.app, id);
  const requestId = await submit(world, 'demo', [user(id)]);
  await eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === 1);
  return requestId;
};

test('records a deletion in its grace period, complete, and its child workflow', async () => {
  const requestId = await submitHidden('u-1');
  await record('deletion-mid-timer', workflowIdFor(requestId));
  expect(await ended(world, requestId)).toBe('completed');
  await record('deletion-complete', workflowIdFor(requestId));
  await record('system-complete', `${workflowIdFor(requestId)}/app/1`);
});

test('records a deletion that waits for a confirmation and one that is confirmed', async () => {
  await addUser(world.app, 'u-4');
  const requestId = await submit(world, 'demo', [user('u-4')], { confirm: true });
  await eventually('counted', async () => (await statusOf(world, requestId)).status === 'awaiting_confirmation');
  await world.env.sleep('1 day');
  await record('deletion-awaiting-confirmation', workflowIdFor(requestId));
  await confirm(world, requestId, 1);
  expect(await ended(world, requestId)).toBe('completed');
  await record('deletion-confirmed', workflowIdFor(requestId));
});

test('records a cancelled deletion', async () => {
  const requestId = await submitHidden('u-2');
  await cancel(world, requestId, 'all');
  expect(await ended(world, requestId)).toBe('cancelled');
  await record('deletion-cancelled', workflowIdFor(requestId));
});

test('records a deletion that exports first', async () => {
  await addUser(world.app, 'u-5');
  const requestId = await submit(world, 'demo', [user('u-5')], { exportFirst: true });
  expect(await ended(world, requestId)).toBe('completed');
  await record('deletion-exported-first', workflowIdFor(requestId));
});

test('records the runs before and after continue-as-new', async () => {
  const requestId = await submitHidden('u-3');
  await hold(world, 'demo', [user('u-3')]);
  const { runId } = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).describe();
  await world.env.sleep('31 days');
  await eventually('a fresh run', async () => {
    const now = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).describe();
    return now.runId !== runId && (now.historyLength ?? 0) > 10;
  });
  await record('deletion-continued-as-new', workflowIdFor(requestId), runId);
  await record('deletion-after-continue-as-new', workflowIdFor(requestId));
  expect((await statusOf(world, requestId)).heldSubjects).toBe(1);
});

test('records notifications that wait for the next attempt, and complete ones', async () => {
  const hook = await startReceiver();
  hook.respond = respondWith(503);
  const { id: channel } = await webhookAt(world, 'notifying', hook.url);
  const workflowId = notificationWorkflowIdFor('notifying', channel);
  const requestId = await accept(world, [], { project: 'notifying', receivedAt: await nowOf(world) });
  await world.orchestrator.startNotifications('notifying', channel);
  await eventually('failed', async () => (await deliveriesOf(world, channel, requestId))[0]?.attempts === 1);
  await eventually('waits', async () => {
    const { events } = await world.env.client.workflow.getHandle(workflowId).fetchHistory();
    return events?.some(({ timerStartedEventAttributes }) => Boolean(timerStartedEventAttributes)) === true;
  });
  await record('notifications-mid-timer', workflowId);
  hook.respond = respondWith(204);
  await world.env.client.workflow.getHandle(workflowId).result();
  expect(await deliveriesOf(world, channel, requestId)).toMatchObject([{ attempts: 2, outcome: 'delivered' }]);
  await record('notifications-complete', workflowId);
});

test('records an export that is ready, an expired one, and a child workflow', async () => {
  await addUser(world.app, 'u-7');
  const requestId = await submitExport(world, 'demo', [user('u-7')]);
  await waitForStatus(world, requestId, 'ready');
  await world.env.sleep('1 day');
  await record('export-ready', workflowIdFor(requestId));
  await record('export-system', `${workflowIdFor(requestId)}/app/1`);
  expect(await ended(world, requestId)).toBe('expired');
  await record('export-expired', workflowIdFor(requestId));
});

test('records an export that collects again after a subject is cancelled', async () => {
  await Promise.all([addUser(world.app, 'u-8'), addUser(world.app, 'u-9')]);
  world.faultsOf('demo').away.add('export');
  const requestId = await submitExport(world, 'demo', [user('u-8'), user('u-9')]);
  await waitForStatus(world, requestId, 'collecting');
  await cancel(world, requestId, [2]);
  world.faultsOf('demo').away.clear();
  await waitForStatus(world, requestId, 'ready');
  await record('export-collected-again', workflowIdFor(requestId));
  expect((await statusOf(world, requestId)).states).toEqual({ cancelled: 1, exported: 1 });
});
