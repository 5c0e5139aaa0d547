import { afterAll, beforeEach, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../domain/calendar.ts';
import { clearFaults } from '../../support/injected-faults.ts';
import { reconcileAt } from '../../support/ledger.ts';
import {
  batchInput,
  claimedRequest,
  hiddenRequest,
  perform,
  RUN,
  startActivityWorld,
  stepInput,
  subjectIdentities,
  SUBJECT_IDS,
} from '../support.ts';

const world = await startActivityWorld();
afterAll(() => world.close());
const requests = (
  await Promise.all(
    SUBJECT_IDS.slice(0, 4).map((_, index) => hiddenRequest(world, subjectIdentities.slice(index, index + 1))),
  )
).toSorted();
const [first = '', second = '', third = '', fourth = ''] = requests;
beforeEach(async () => {
  clearFaults(world.faults);
  for (const list of [world.watched, world.signaled]) list.length = 0;
  await world.sql`TRUNCATE lethe.system_outages, lethe.waits, lethe.attention`;
});

const minutes = (count: number) => new Date(RUN.getTime() + count * MINUTE_MS);
const fails = (call: Promise<unknown>) => expect(call).rejects.toBeInstanceOf(Error);
const conclude = (requestId: string, at = RUN) => perform(world.activities.cleanUpSystem, stepInput(requestId, at));
const inspect = (requestId: string, at = RUN) => perform(world.activities.inspectSystem, stepInput(requestId, at));
const probe = (at: Date) =>
  perform(world.activities.probeSystem, { project: 'demo', system: 'app', asOf: at.getTime() });
const calls = (method: string) => world.faults.calls.filter((call) => call === method).length;
const idsIn = async (table: 'waits' | 'attention') =>
  (
    await world.sql<{ requestId: string }[]>`
    SELECT request_id FROM ${world.sql(`lethe.${table}`)} ORDER BY request_id`
  ).map(({ requestId }) => requestId);
const outage = async () =>
  (
    await world.sql<{ code: string; isConfirmed: boolean; failedRequests: string[]; nextProbeAt: Date | null }[]>`
    SELECT code, confirmed_at IS NOT NULL AS is_confirmed, failed_requests, next_probe_at FROM lethe.system_outages`
  )[0];

test('stops all requests at the first inspection that is refused, makes no further call, and holds back the claim', async () => {
  world.faults.refused.add('inspect');
  for (const id of requests) await fails(inspect(id));
  await fails(conclude(second));
  expect(calls('inspect')).toBe(1);
  expect(calls('conclude')).toBe(0);
  expect(await idsIn('attention')).toEqual([]);
  expect(await idsIn('waits')).toEqual([first, second, second, third, fourth].toSorted());
  expect(await outage()).toMatchObject({ code: 'system_refused', isConfirmed: true });
  expect(world.watched).toEqual(['demo/app']);
  expect(await reconcileAt(world, first, minutes(60 * 24 * 30))).toMatchObject({
    claimable: 0,
    attention: [],
    waits: [{ system: 'app', reason: 'system_refused', until: null }],
  });

  // Another probe follows within an hour. The one that is answered wakes every request.
  expect((await probe(RUN)).nextProbeAt).toBe(minutes(1).getTime());
  clearFaults(world.faults);
  expect(await probe(minutes(1))).toEqual({ nextProbeAt: null });
  expect(await idsIn('waits')).toEqual([]);
  expect(world.signaled.toSorted()).toEqual(requests);
  expect(await outage()).toBeUndefined();
  expect((await reconcileAt(world, first, minutes(60 * 24 * 30))).claimable).toBe(1);
});

test('stops all requests when the calls of three are refused while inspections succeed, and shows it once', async () => {
  world.faults.refused.add('conclude');
  await fails(conclude(first));
  await fails(conclude(first));
  await fails(conclude(second));
  expect(await idsIn('attention')).toEqual([first, second]);
  await inspect(fourth);
  await probe(RUN);
  await fails(conclude(third));
  expect(await idsIn('attention')).toEqual([]);
  expect(await idsIn('waits')).toEqual([first, second, third]);
  await fails(conclude(fourth));
  expect(calls('conclude')).toBe(4);
  expect(await idsIn('waits')).toEqual(requests);

  // A probe that is answered proves nothing here, so the requests try again, and one refusal stops them.
  const trialAt = (await outage())?.nextProbeAt ?? RUN;
  expect(trialAt.getTime()).toBeGreaterThan(RUN.getTime());
  expect(await probe(RUN)).toEqual({ nextProbeAt: trialAt.getTime() });
  expect(await probe(trialAt)).toEqual({ nextProbeAt: null });
  expect(await idsIn('waits')).toEqual([]);
  await fails(conclude(first, trialAt));
  expect(await outage()).toMatchObject({ isConfirmed: true });
  expect((await outage())?.nextProbeAt?.getTime()).toBeGreaterThan(trialAt.getTime());
  expect(await idsIn('waits')).toEqual([first]);
});

test('does not stop the system when a call is answered between the calls that are refused', async () => {
  for (const [round, id] of [first, second, third].entries()) {
    world.faults.refused.add('conclude');
    await fails(conclude(id, minutes(2 * round)));
    world.faults.refused.clear();
    await conclude(fourth, minutes(2 * round + 1));
  }
  expect(await outage()).toBeUndefined();
  expect(await idsIn('attention')).toEqual([first, second, third]);
  expect(await idsIn('waits')).toEqual([]);
});

test('does not stop the system when a call that began earlier is answered between the calls that are refused', async () => {
  for (const id of [first, second, third]) {
    world.faults.refused.add('conclude');
    await fails(conclude(id, minutes(1)));
    world.faults.refused.clear();
    await conclude(fourth);
  }
  expect(await outage()).toMatchObject({ isConfirmed: false, failedRequests: [] });
  expect(await idsIn('waits')).toEqual([]);
});

test('continues a batch with the same step after a system that refused every call answers', async () => {
  const requestId = await claimedRequest(world, subjectIdentities.slice(4));
  world.faults.refused.add('inspect');
  await fails(perform(world.activities.deleteBatch, batchInput(requestId, RUN)));
  await perform(world.activities.deferBatch, batchInput(requestId, RUN));
  expect((await reconcileAt(world, requestId, RUN)).openBatches).toEqual([]);
  clearFaults(world.faults);
  await probe(RUN);
  expect((await reconcileAt(world, requestId, RUN)).openBatches).toMatchObject([{ system: 'app', batch: 1 }]);
  expect(await perform(world.activities.deleteBatch, batchInput(requestId, RUN))).toMatchObject({ step: 'verify' });
  expect(await idsIn('waits')).toEqual([]);
});
