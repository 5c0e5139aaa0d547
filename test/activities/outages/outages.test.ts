import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { recordFailedCall } from '../../../db/outages/outages.ts';
import { deferralMs, PROBE_OVERDUE_MS, probeDelayMs, trialDelayMs } from '../../../domain/retry/back-off.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../domain/calendar.ts';
import { accept } from '../../support/ledger.ts';
import { clearFaults } from '../../support/injected-faults.ts';
import {
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
beforeEach(async () => {
  clearFaults(world.faults);
  world.faults.calls.length = 0;
  for (const list of [world.watched, world.signaled]) list.length = 0;
  await world.sql`TRUNCATE lethe.system_outages, lethe.system_pauses, lethe.waits, lethe.attention`;
});

const APP = { project: 'demo', system: 'app' } as const;
const seconds = (count: number) => new Date(RUN.getTime() + count * 1_000);
const inspect = (requestId: string, at: Date, attempt = 1) =>
  perform(world.activities.inspectSystem, stepInput(requestId, at), attempt);
const fails = (done: Promise<unknown>) =>
  done.then(
    () => 'succeeded',
    (error: unknown) =>
      error instanceof Error && Reflect.get(error, 'nonRetryable') === true ? 'deferred' : 'retried',
  );
const probe = (at: Date, system = 'app') =>
  perform(world.activities.probeSystem, { project: 'demo', system, asOf: at.getTime() });
const defer = (requestId: string, at: Date, step: 'inspect' | 'conclude' = 'conclude') =>
  perform(world.activities.deferStep, { ...stepInput(requestId, at), step });
/** A step that needs no claim. */
const conclude = (requestId: string, at: Date, attempt = 1) =>
  perform(world.activities.cleanUpSystem, stepInput(requestId, at), attempt);
const calls = (method: string) => world.faults.calls.filter((call) => call === method).length;
const outages = () => world.sql<{ system: string; code: string; isConfirmed: boolean }[]>`
  SELECT project, system, code, confirmed_at IS NOT NULL AS is_confirmed FROM lethe.system_outages ORDER BY project, system`;
const waiting = async () =>
  (await world.sql<{ requestId: string }[]>`SELECT request_id FROM lethe.waits ORDER BY request_id`).map(
    ({ requestId }) => requestId,
  );
const unanswered = (system: string, at: Date, project = 'demo') =>
  recordFailedCall(world.database, { project, system }, { code: 'system_unavailable', requestId: null, at });
const attention = () => world.sql<{ requestId: string; code: string; retryAt: Date; deferrals: number }[]>`
  SELECT request_id, code, retry_at, deferrals FROM lethe.attention ORDER BY request_id`;
const wakeVersions = async (ids: readonly string[]) =>
  (
    await world.sql<{ wakeVersion: number }[]>`
    SELECT wake_version FROM lethe.requests WHERE id IN ${world.sql(ids)} ORDER BY id`
  ).map(({ wakeVersion }) => wakeVersion);

const requests = await Promise.all(
  SUBJECT_IDS.slice(0, 3).map((_, index) => hiddenRequest(world, subjectIdentities.slice(index, index + 1))),
);
requests.sort();
const [first = '', second = '', third = ''] = requests;

describe('back-off', () => {
  test('doubles the delay of a step from two seconds to ten minutes, and adds at most a quarter', () => {
    expect([0, 1, 2, 3].map((deferrals) => deferralMs(deferrals, 0))).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(deferralMs(100, 0)).toBe(10 * MINUTE_MS);
    expect(deferralMs(0, 1)).toBe(2_500);
  });

  test('waits between two probes at most a quarter of the outage, between a second and a minute', () => {
    expect([0, 4_000, MINUTE_MS, HOUR_MS].map(probeDelayMs)).toEqual([1_000, 1_000, 15_000, MINUTE_MS]);
  });

  test('waits between a minute and an hour before a system is tried again that answers only probes', () => {
    expect([0, 8 * MINUTE_MS, DAY_MS].map(trialDelayMs)).toEqual([MINUTE_MS, 2 * MINUTE_MS, HOUR_MS]);
  });
});

test('starts one watch when the calls of several requests are not answered', async () => {
  world.faults.away.add('inspect');
  expect(await Promise.all(requests.map((id) => fails(inspect(id, RUN))))).toEqual(['retried', 'retried', 'retried']);
  expect(world.watched).toEqual(['demo/app']);
  expect([...(await outages())]).toEqual([{ ...APP, code: 'system_unavailable', isConfirmed: false }]);
});

test('makes no call and raises no attention after a probe has failed, so that the step waits', async () => {
  world.faults.away.add('conclude').add('probe');
  expect(await fails(conclude(first, RUN))).toBe('retried');
  expect(await probe(RUN)).toEqual({ nextProbeAt: seconds(1).getTime() });
  expect(await fails(conclude(second, RUN))).toBe('deferred');
  await defer(second, RUN);
  expect(calls('conclude')).toBe(1);
  expect([...(await attention())]).toEqual([]);
  expect(await waiting()).toEqual([second]);
  // The next attempt of the call that was made before finds it too.
  expect(await fails(conclude(first, RUN, 2))).toBe('deferred');
  expect(calls('conclude')).toBe(1);
  // An inspection keeps no claim from the other systems.
  expect(await fails(inspect(third, RUN))).toBe('deferred');
  expect(await waiting()).toEqual([first, second]);
});

test('replaces the attention of single requests by waits when a probe fails, and shows the outage once', async () => {
  world.faults.away.add('conclude').add('probe');
  await fails(conclude(first, RUN, 3));
  await defer(first, RUN);
  expect(await attention()).toMatchObject([{ requestId: first, code: 'system_unavailable', deferrals: 1 }]);
  await probe(RUN);
  await probe(seconds(1));
  expect([...(await attention())]).toEqual([]);
  expect(await waiting()).toEqual([first]);
  expect(world.signaled).toEqual([first]);
  const audit = await world.sql`
    SELECT action, request_id, detail FROM lethe.audit_events WHERE action IN ('attention.cleared', 'system.stopped') ORDER BY id DESC LIMIT 2`;
  expect([...audit]).toEqual([
    { action: 'attention.cleared', requestId: first, detail: { system: 'app', step: 'conclude', batch: 0 } },
    { action: 'system.stopped', requestId: null, detail: { system: 'app', code: 'system_unavailable' } },
  ]);
});

test('calls the system again when the watch was lost, and starts another watch', async () => {
  world.faults.away.add('inspect').add('probe');
  await unanswered('app', new Date(RUN.getTime() - 2 * PROBE_OVERDUE_MS));
  await world.sql`UPDATE lethe.system_outages SET confirmed_at = since`;
  expect(await fails(inspect(first, RUN))).toBe('deferred');
  expect(calls('inspect')).toBe(1);
  expect(world.watched).toEqual(['demo/app']);
});

test('restarts a lost watch by housekeeping, and no other', async () => {
  await unanswered('app', new Date(RUN.getTime() - 2 * PROBE_OVERDUE_MS));
  await unanswered('app', RUN, 'other');
  await perform(world.activities.recoverStalledWork, { asOf: RUN.getTime() });
  expect(world.watched).toEqual(['demo/app']);
});

test('ends waits by housekeeping when the end of an outage was missed, and no other', async () => {
  world.faults.away.add('conclude').add('probe');
  await fails(conclude(first, RUN));
  await probe(RUN);
  await fails(conclude(first, RUN));
  const asOf = RUN.getTime();
  await perform(world.activities.recoverStalledWork, { asOf });
  expect(await waiting()).toEqual([first]);
  await world.sql`DELETE FROM lethe.system_outages`;
  await perform(world.activities.recoverStalledWork, { asOf });
  expect(await waiting()).toEqual([]);
  expect(world.signaled).toContain(first);
});

test('backs off by seconds that double while only the step fails', async () => {
  const delays = [];
  for (const round of [0, 1, 2]) {
    await defer(first, seconds(round));
    const [row] = await attention();
    delays.push((row?.retryAt.getTime() ?? 0) - seconds(round).getTime());
  }
  for (const [index, delay] of delays.entries()) {
    expect(delay).toBeGreaterThanOrEqual(2_000 * 2 ** index);
    expect(delay).toBeLessThanOrEqual(2_500 * 2 ** index);
  }
});

describe('the end of an outage', () => {
  /** Two requests wait for the system, and one of another project for its own system. */
  async function waitForSystem(): Promise<string> {
    world.faults.away.add('conclude').add('probe');
    await fails(conclude(first, RUN));
    await probe(RUN);
    for (const id of [first, second]) await fails(conclude(id, RUN));
    const elsewhere = await accept(world, subjectIdentities.slice(0, 1), { project: 'other' });
    await world.sql`
      INSERT INTO lethe.waits (request_id, project, system, step, batch, code, stopped, since)
      VALUES (${elsewhere}, 'other', 'app', 'conclude', 0, 'system_stopped', 'app', ${RUN})`;
    await world.sql`
      INSERT INTO lethe.waits (request_id, project, system, step, batch, code, since, until)
      VALUES (${third}, 'demo', 'app', 'conclude', 0, 'rate_limit', ${RUN}, ${new Date(RUN.getTime() + DAY_MS)})`;
    return elsewhere;
  }

  test.each([
    ['a probe', () => probe(seconds(1)), false],
    ['a call of another request', () => conclude(third, seconds(120)), true],
  ])('wakes every request that waits for the system, and no other, after %s is answered', async (_, answer, isCall) => {
    const elsewhere = await waitForSystem();
    const all = [...requests, elsewhere].toSorted();
    const before = await wakeVersions(all);
    clearFaults(world.faults);
    // The call finds that the watch was lost: it was due two minutes ago.
    await answer();
    const left = await waiting();
    expect(left).toEqual(isCall ? [elsewhere] : [elsewhere, third].toSorted());
    expect(world.signaled.toSorted()).toEqual([first, second]);
    const after = await wakeVersions(all);
    expect(all.filter((__, index) => after[index] !== before[index])).toEqual([first, second]);
    expect([...(await outages())]).toEqual([]);
  });

  test('wakes no request when the first probe is answered, because only the step fails', async () => {
    world.faults.away.add('conclude');
    await fails(conclude(first, RUN, 3));
    await defer(first, RUN);
    expect(await probe(seconds(1))).toEqual({ nextProbeAt: null });
    expect(await attention()).toMatchObject([{ requestId: first, code: 'system_unavailable' }]);
    expect(world.signaled).toEqual([]);
    expect(await outages()).toMatchObject([{ isConfirmed: false }]);
    clearFaults(world.faults);
    await conclude(second, seconds(2));
    expect([...(await outages())]).toEqual([]);
  });

  test('is not reported by a call that began before the outage', async () => {
    await unanswered('app', RUN);
    await conclude(second, seconds(-60));
    expect(await outages()).toHaveLength(1);
  });

  test('waits for a step that has read the outage, and wakes its request', async () => {
    world.faults.away.add('probe');
    await unanswered('app', RUN);
    await probe(RUN);
    clearFaults(world.faults);
    const lock = await world.sql.reserve();
    await lock`BEGIN`;
    await lock`LOCK lethe.waits IN SHARE ROW EXCLUSIVE MODE`;
    const deferred = fails(conclude(first, RUN));
    const isBlocked = async (query: string) =>
      (await world.sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE ${query}`).length > 0;
    while (!(await isBlocked('insert into "lethe"."waits"%'))) continue;
    const ended = probe(seconds(1));
    while (!(await isBlocked('delete from "lethe"."system_outages"%'))) continue;
    await lock`COMMIT`;
    lock.release();
    await Promise.all([deferred, ended]);
    expect(await waiting()).toEqual([]);
    expect(world.signaled).toEqual([first]);
  });
});

test('forgets the outage of a system that has left the configuration', async () => {
  await unanswered('gone', RUN);
  expect(await probe(RUN, 'gone')).toEqual({ nextProbeAt: null });
  expect([...(await outages())]).toEqual([]);
});
