import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { raiseAttention } from '../../db/attention/raise.ts';
import { recordUnanswered } from '../../db/outages/outages.ts';
import { transaction } from '../../db/transaction.ts';
import { deferralMs, outageDeferralMs, PROBE_OVERDUE_MS, probeDelayMs } from '../../domain/retry/back-off.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/calendar.ts';
import { accept } from '../support/ledger.ts';
import { clearFaults } from '../support/injected-faults.ts';
import {
  hiddenRequest,
  perform,
  RUN,
  startActivityWorld,
  stepInput,
  subjectIdentities,
  SUBJECT_IDS,
} from './support.ts';

const world = await startActivityWorld();
afterAll(() => world.close());
beforeEach(async () => {
  clearFaults(world.faults);
  world.faults.calls.length = 0;
  for (const list of [world.watched, world.signaled]) list.length = 0;
  await world.sql`TRUNCATE lethe.system_outages, lethe.attention`;
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
const defer = (requestId: string, at: Date) =>
  perform(world.activities.deferStep, { ...stepInput(requestId, at), step: 'inspect' });
const inspections = () => world.faults.calls.filter((call) => call === 'inspect').length;
const outages = () => world.sql<{ project: string; system: string; failedProbes: number }[]>`
  SELECT project, system, failed_probes FROM lethe.system_outages ORDER BY project, system`;
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
    expect(outageDeferralMs(1)).toBe(12.5 * MINUTE_MS);
  });

  test('waits between two probes at most a quarter of the outage, between a second and a minute', () => {
    expect([0, 4_000, MINUTE_MS, HOUR_MS].map(probeDelayMs)).toEqual([1_000, 1_000, 15_000, MINUTE_MS]);
  });
});

test('starts one watch when the calls of several requests are not answered', async () => {
  world.faults.away.add('inspect');
  expect(await Promise.all(requests.map((id) => fails(inspect(id, RUN))))).toEqual(['retried', 'retried', 'retried']);
  expect(world.watched).toEqual(['demo/app']);
  expect([...(await outages())]).toEqual([{ ...APP, failedProbes: 0 }]);
});

test('makes no call and defers the step at its first attempt after a probe has failed', async () => {
  world.faults.away.add('inspect').add('probe');
  await fails(inspect(first, RUN));
  expect(await probe(RUN)).toEqual({ nextProbeAt: seconds(1).getTime() });
  const before = inspections();
  expect(await fails(inspect(second, RUN))).toBe('deferred');
  expect(inspections()).toBe(before);
  expect(await attention()).toMatchObject([{ requestId: second, code: 'system_unavailable' }]);
});

test('calls the system again when the watch was lost, and starts another watch', async () => {
  world.faults.away.add('inspect').add('probe');
  await recordUnanswered(world.database, APP, new Date(RUN.getTime() - 2 * PROBE_OVERDUE_MS));
  await world.sql`UPDATE lethe.system_outages SET failed_probes = 9`;
  const before = inspections();
  expect(await fails(inspect(first, RUN))).toBe('retried');
  expect(inspections()).toBe(before + 1);
  expect(world.watched).toEqual(['demo/app']);
});

test('restarts a lost watch by housekeeping, and no other', async () => {
  await recordUnanswered(world.database, APP, new Date(RUN.getTime() - 2 * PROBE_OVERDUE_MS));
  await recordUnanswered(world.database, { project: 'other', system: 'app' }, RUN);
  await perform(world.activities.recoverStalledWork, { asOf: RUN.getTime() });
  expect(world.watched).toEqual(['demo/app']);
});

test('backs off by seconds that double while only the step fails, and by an hour when the system refuses', async () => {
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
  world.faults.refused.add('inspect');
  await fails(inspect(second, RUN));
  await defer(second, RUN);
  expect((await attention()).find(({ requestId }) => requestId === second)).toMatchObject({
    code: 'system_refused',
    retryAt: new Date(RUN.getTime() + HOUR_MS),
  });
});

describe('the end of an outage', () => {
  /** Two requests wait for the system, one for an operator, and one of another project for its own system. */
  async function waitForSystem(): Promise<string> {
    world.faults.away.add('inspect').add('probe');
    await fails(inspect(first, RUN));
    await probe(RUN);
    await Promise.all([first, second].map((id) => defer(id, RUN)));
    const elsewhere = await accept(world, subjectIdentities.slice(0, 1), { project: 'other' });
    const step = { system: 'app', step: 'inspect', batch: 0 } as const;
    const tomorrow = { at: RUN, retryAt: new Date(RUN.getTime() + DAY_MS) };
    await transaction(world.database, async (tx) => {
      const [refused, away] = ['system_refused', 'system_unavailable'] as const;
      await raiseAttention(tx, { ...step, project: 'demo', requestId: third }, { code: refused, ...tomorrow });
      await raiseAttention(tx, { ...step, project: 'other', requestId: elsewhere }, { code: away, ...tomorrow });
    });
    return elsewhere;
  }
  const dueAt = async (at: Date) =>
    (await attention()).filter(({ retryAt }) => retryAt <= at).map(({ requestId }) => requestId);

  test.each([
    ['a probe', () => probe(seconds(1)), false],
    ['a call of another request', () => inspect(third, seconds(120)), true],
  ])('wakes every request that waits for the system, and no other, after %s is answered', async (_, answer, isCall) => {
    const elsewhere = await waitForSystem();
    const all = [...requests, elsewhere].toSorted();
    // The call finds that the watch was lost: it was due two minutes ago.
    const at = seconds(isCall ? 125 : 2);
    expect(await dueAt(at)).toEqual([]);
    const before = await wakeVersions(all);
    clearFaults(world.faults);
    await answer();
    expect(await dueAt(at)).toEqual([first, second]);
    expect(world.signaled.toSorted()).toEqual([first, second]);
    const after = await wakeVersions(all);
    const woken = all.filter((__, index) => after[index] !== before[index]);
    expect(woken).toEqual([first, second]);
    expect([...(await outages())]).toEqual([]);
  });

  test('wakes no request when the first probe is answered, because only the step fails', async () => {
    world.faults.away.add('inspect');
    await fails(inspect(first, RUN));
    await defer(first, RUN);
    expect(await probe(seconds(1))).toEqual({ nextProbeAt: null });
    expect(await dueAt(seconds(1))).toEqual([]);
    expect(world.signaled).toEqual([]);
    expect([...(await outages())]).toEqual([]);
  });

  test('is not reported by a call that began before the outage', async () => {
    world.faults.away.add('inspect').add('probe');
    await recordUnanswered(world.database, APP, RUN);
    clearFaults(world.faults);
    await inspect(second, seconds(-60));
    expect(await outages()).toHaveLength(1);
  });

  test('waits for a deferral that has read the outage, and wakes its request', async () => {
    world.faults.away.add('probe');
    await recordUnanswered(world.database, APP, RUN);
    await probe(RUN);
    clearFaults(world.faults);
    const lock = await world.sql.reserve();
    await lock`BEGIN`;
    await lock`SELECT FROM lethe.attention FOR UPDATE`;
    await lock`LOCK lethe.attention IN SHARE ROW EXCLUSIVE MODE`;
    const deferred = defer(first, RUN);
    const isBlocked = async (query: string) =>
      (await world.sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE ${query}`).length > 0;
    while (!(await isBlocked('insert into "lethe"."attention"%'))) continue;
    const ended = probe(seconds(1));
    while (!(await isBlocked('delete from "lethe"."system_outages"%'))) continue;
    await lock`COMMIT`;
    lock.release();
    await Promise.all([deferred, ended]);
    expect(await dueAt(seconds(1))).toEqual([first]);
    expect(world.signaled).toEqual([first]);
  });
});

test('forgets the outage of a system that has left the configuration', async () => {
  await recordUnanswered(world.database, { project: 'demo', system: 'gone' }, RUN);
  expect(await probe(RUN, 'gone')).toEqual({ nextProbeAt: null });
  expect([...(await outages())]).toEqual([]);
});
