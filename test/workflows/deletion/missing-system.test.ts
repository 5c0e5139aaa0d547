import { afterEach, expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { readDeletionRow } from '../../../db/requests/row.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { statusAt, user } from '../../support/ledger.ts';
import { runHousekeeping } from '../../support/world/operator.ts';
import { addUser, ALL_ROWS, rowsOf } from '../../support/world/users.ts';
import { endedInRealTime, eventually, nowOf, receiptOf, retry, statusOf, submit } from '../../support/world/actions.ts';
import { withWorldInRealTime } from '../../support/world/world.ts';

/** In real time: the time-skipping server does not skip after an activity is cancelled, as these tests do. */
const world = await withWorldInRealTime({
  two: { crm: true, policy: { graceMs: 4_000, window: null, settleMs: 500 } },
  later: { crm: true, policy: { graceMs: HOUR_MS, window: null, settleMs: 500 } },
});
afterEach(async () => {
  for (const project of ['two', 'later']) await world.restartWithout(project, null);
});

async function submitOne(id: string, project = 'two'): Promise<string> {
  await Promise.all([addUser(world.app, id), addUser(world.crm, id)]);
  return submit(world, project, [user(id)]);
}
const attentionOf = async (requestId: string) =>
  (await statusOf(world, requestId)).attention.map(({ system, code }) => `${system} ${code}`);
const untilAttention = (requestId: string, entry: string) =>
  eventually(entry, async () => (await attentionOf(requestId)).includes(entry));
const untilState = (requestId: string, state: 'resolved' | 'soft_deleted' | 'claimed' | 'deleted') =>
  eventually(state, async () => (await statusOf(world, requestId)).states[state] === 1);
const untilDeletedInApp = (id: string) =>
  eventually('deleted in app', async () => Object.keys(await rowsOf(world.app, id)).length === 0);
const skipCrm = async (requestId: string) => {
  const skip = { requestId, system: 'crm', reason: 'contract ended', actor: 'operator', at: await nowOf(world) };
  await world.orchestrator.signalRequests((await skipSystem(world.database, skip)).wake);
};
/** Waits until the run is over, with some time for what it would do. */
async function untilAfterRun(requestId: string): Promise<void> {
  const { hardDeleteAt } = await readDeletionRow(world.database, requestId);
  await new Promise((done) => setTimeout(done, Math.max(0, hardDeleteAt.getTime() - Date.now()) + 1_500));
}

test('reports a system that could not hide and then left the configuration, and continues when it is skipped', async () => {
  world.faultsOf('two', 'crm').away.add('setVisibility');
  const requestId = await submitOne('m-1');
  await untilState(requestId, 'resolved');
  await world.restartWithout('two', 'crm');
  await runHousekeeping(world);
  await untilAttention(requestId, 'crm system_missing');
  await untilAfterRun(requestId);
  expect(await attentionOf(requestId)).toEqual(['crm system_missing']);
  expect(await rowsOf(world.app, 'm-1')).toEqual(ALL_ROWS);
  await skipCrm(requestId);
  expect(await endedInRealTime(world, requestId)).toBe('partially_completed');
  expect(await rowsOf(world.app, 'm-1')).toEqual({});
  expect(await rowsOf(world.crm, 'm-1')).toEqual(ALL_ROWS);
});

test('replaces system_unavailable of a missing system, and reports it again after a retry', async () => {
  world.faultsOf('later', 'crm').away.add('setVisibility');
  const requestId = await submitOne('m-2', 'later');
  await untilAttention(requestId, 'crm system_unavailable');
  await world.restartWithout('later', 'crm');
  await runHousekeeping(world);
  await untilAttention(requestId, 'crm system_missing');
  expect(await attentionOf(requestId)).not.toContain('crm system_unavailable');
  await retry(world, requestId);
  await untilAttention(requestId, 'crm system_missing');
  await skipCrm(requestId);
  await untilState(requestId, 'soft_deleted');
  expect(await attentionOf(requestId)).toEqual([]);
});

test('deletes from the other system at the run while one cannot hide', async () => {
  world.faultsOf('two', 'crm').away.add('setVisibility').add('hardDelete');
  const requestId = await submitOne('m-3');
  await untilDeletedInApp('m-3');
  expect(await rowsOf(world.crm, 'm-3')).toEqual(ALL_ROWS);
  world.clearAllFaults();
  expect(await endedInRealTime(world, requestId)).toBe('completed');
  expect(await rowsOf(world.crm, 'm-3')).toEqual({});
});

test('reports a system that leaves the configuration during its deletion, and completes when it is back', async () => {
  world.faultsOf('two', 'crm').away.add('hardDelete');
  const requestId = await submitOne('m-4');
  await untilState(requestId, 'claimed');
  await world.restartWithout('two', 'crm');
  await runHousekeeping(world);
  await untilAttention(requestId, 'crm system_missing');
  await untilDeletedInApp('m-4');
  world.clearAllFaults();
  await world.restartWithout('two', null);
  await runHousekeeping(world);
  expect(await endedInRealTime(world, requestId)).toBe('completed');
  expect(await rowsOf(world.crm, 'm-4')).toEqual({});
  expect((await receiptOf(world, requestId)).systems).toMatchObject([{ state: 'verified' }, { state: 'verified' }]);
});

test('does not conclude while a verified system is missing, until it is skipped', async () => {
  world.faultsOf('two', 'crm').away.add('conclude');
  const requestId = await submitOne('m-5');
  await untilState(requestId, 'deleted');
  await world.restartWithout('two', 'crm');
  await runHousekeeping(world);
  await untilAttention(requestId, 'crm system_missing');
  expect((await statusOf(world, requestId)).concludedAt).toBeNull();
  await skipCrm(requestId);
  expect(await endedInRealTime(world, requestId)).toBe('completed');
});

test('counts a request as at risk when its run was over an hour ago and nothing is claimed', async () => {
  const requestId = await submitOne('m-6', 'later');
  await untilState(requestId, 'soft_deleted');
  const { hardDeleteAt } = await readDeletionRow(world.database, requestId);
  const riskAt = async (ms: number) =>
    (await statusAt(world.database, requestId, new Date(hardDeleteAt.getTime() + ms))).atRisk;
  expect(await riskAt(0)).toBe(false);
  expect(await riskAt(2 * HOUR_MS)).toBe(true);
});
