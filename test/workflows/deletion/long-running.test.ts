import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { cancel, ended, eventually, hold, nowOf, release, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), { demo: {}, patient: { policy: { settleMs: 60 * DAY_MS } } });
});
afterAll(async () => world.close());

const waitUntilSoftDeleted = (requestId: string, count: number) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === count);
const runIdOf = async (requestId: string) => {
  const { runId } = await world.env.client.workflow.getHandle(workflowIdFor(requestId)).describe();
  return runId;
};
/** Skips one month at a time, so that the work of each month is done before the next one. */
async function skipMonths(count: number): Promise<void> {
  for (let month = 0; month < count; month++) {
    await world.env.sleep('30 days');
    await new Promise((done) => setTimeout(done, 200));
  }
}

test('continues as new every 30 days, keeps every signal and deletes nothing while the subjects are held', async () => {
  await Promise.all(['u-1', 'u-2'].map((id) => addUser(world.app, id)));
  const requestId = await submit(world, 'demo', [user('u-1'), user('u-2')]);
  await waitUntilSoftDeleted(requestId, 2);
  const firstRun = await runIdOf(requestId);
  const held = await hold(world, 'demo', [user('u-1'), user('u-2')]);
  await skipMonths(4);
  const laterRun = await runIdOf(requestId);
  expect(laterRun).not.toBe(firstRun);
  await cancel(world, requestId, [2]);
  await eventually('restored', async () => (await statusOf(world, requestId)).states.cancelled === 1);
  expect(await isHidden(world.app, 'u-2')).toEqual({ flagged: false, hidden: false });
  await skipMonths(3);
  expect(await runIdOf(requestId)).not.toBe(laterRun);
  for (const id of ['u-1', 'u-2']) expect(await rowsOf(world.app, id)).toEqual(ALL_ROWS);
  const releasedAt = await nowOf(world);
  await release(world, 'demo', held.id);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-1')).toEqual({});
  expect(await rowsOf(world.app, 'u-2')).toEqual(ALL_ROWS);
  const [claimed] = await world.sql<{ at: Date }[]>`
    SELECT claimed_at AS at FROM lethe.subjects WHERE request_id = ${requestId} AND claimed_at IS NOT NULL`;
  expect(Number(claimed?.at) - Number(releasedAt)).toBeLessThan(2 * DAY_MS);
});

test('waits without statements for a task that outlives the run', async () => {
  await addUser(world.app, 'u-5');
  const requestId = await submit(world, 'patient', [user('u-5')]);
  await waitUntilSoftDeleted(requestId, 1);
  await skipMonths(1);
  await eventually('verifying', async () => (await statusOf(world, requestId)).status === 'verifying');
  await world.env.sleep('5 days');
  await new Promise((done) => setTimeout(done, 300));
  const before = world.statements.length;
  await world.env.sleep('8 days');
  await new Promise((done) => setTimeout(done, 300));
  expect(world.statements.length - before).toBe(0);
  expect(await ended(world, requestId)).toBe('completed');
});
