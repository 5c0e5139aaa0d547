import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectorError } from '../../../connectors/connector.ts';
import { retrySystems } from '../../../db/attention/retry.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { reconcileAt, START } from '../../support/ledger.ts';
import { perform } from '../environment.ts';
import { resolvedRequest as resolved, rowsOf as rows, startSystemWorld, stepInput, type SystemWorld } from './world.ts';

let world: SystemWorld;
beforeAll(async () => {
  // No attempt can wait for the second call.
  world = await startSystemWorld({ default: [{ calls: 1, perMs: 2 * DAY_MS }] });
});
afterAll(() => world.closeLedger());

const rowsOf = (requestId: string) => rows(world, requestId);
const resolvedRequest = (name: string) => resolved(world, name);
const hide = (requestId: string, at = START) => perform(world.activities.applyVisibility, stepInput(requestId, at));

test('waits without attention, and counts no failed attempt, when the rate limit is used up for longer than an attempt', async () => {
  world.system.call = (context) => context.waitForSlot('default');
  const requestId = await resolvedRequest('first');
  await hide(requestId);
  const late = await resolvedRequest('second');
  await expect(hide(late)).rejects.toMatchObject({
    type: 'deferred',
    nonRetryable: true,
  });
  await perform(world.activities.deferStep, { ...stepInput(late, START), step: 'visibility' });
  const { waits, attention } = await rowsOf(late);
  expect(attention).toEqual([]);
  expect(waits).toEqual([{ system: 'app', step: 'visibility', code: 'rate_limit', until: expect.any(Date) }]);
  const until: Date = waits[0]?.['until'];
  expect(Math.abs(until.getTime() - (START.getTime() + 2 * DAY_MS))).toBeLessThan(DAY_MS / 2);

  const state = await reconcileAt(world, late, START);
  expect(state).toMatchObject({ systemsToSync: [], attention: [], nextDueAt: until.getTime() });
  expect(state.waits).toEqual([{ system: 'app', reason: 'rate_limit', until: until.getTime() }]);
  expect((await reconcileAt(world, late, until)).systemsToSync).toEqual(['app']);

  // The wait ends with the step, and not before.
  world.system.call = async () => {};
  await hide(late, until);
  expect(await rowsOf(late)).toEqual({ waits: [], attention: [] });
  expect(await world.sql`SELECT FROM lethe.audit_events WHERE action LIKE 'attention.%'`).toHaveLength(0);
});

test('replaces the wait by attention when the step fails afterwards, and ends it when an operator retries', async () => {
  const requestId = await resolvedRequest('third');
  world.system.call = (context) => context.waitForSlot('default');
  const defer = () =>
    expect(hide(requestId)).rejects.toMatchObject({
      type: 'deferred',
    });
  await defer();
  expect((await rowsOf(requestId)).waits).toHaveLength(1);
  const retry = { requestId, system: 'app', reason: 'the quota was raised', actor: 'mem_1', at: START };
  expect((await retrySystems(world.database, retry)).systems).toEqual(['app']);
  expect(await rowsOf(requestId)).toEqual({ waits: [], attention: [] });

  await defer();
  world.system.call = () => Promise.reject(new ConnectorError('refused', 'no', { retryable: false }));
  await expect(hide(requestId)).rejects.toMatchObject({
    type: 'refused',
  });
  expect(await rowsOf(requestId)).toEqual({ waits: [], attention: [{ code: 'system_refused' }] });
  world.system.call = (context) => context.waitForSlot('default');
  await defer();
  expect(await rowsOf(requestId)).toMatchObject({ waits: [{ code: 'rate_limit' }], attention: [] });
});

test('postpones the lane of a system that asks for it, for each call of any step', async () => {
  world.system.call = (context) => context.postponeLane('other', new Date(Date.now() + 2 * DAY_MS));
  const requestId = await resolvedRequest('fourth');
  await hide(requestId);
  world.system.call = (context) => context.waitForSlot('other');
  const postponed = await resolvedRequest('fifth');
  await expect(hide(postponed)).rejects.toMatchObject({
    type: 'deferred',
  });
  world.system.call = (context) => context.waitForSlot('unnamed');
  await hide(postponed);
  expect(await rowsOf(postponed)).toEqual({ waits: [], attention: [] });
});

test('does not stop a system whose calls fail after it has answered a part of each', async () => {
  world.system.call = async (context) => {
    await context.waitForSlot('other');
    await context.waitForSlot('other');
    throw new ConnectorError('refused', 'no', { retryable: false });
  };
  await world.sql`TRUNCATE lethe.lanes, lethe.attention, lethe.system_outages`;
  for (const name of ['part-1', 'part-2', 'part-3', 'part-4'])
    await expect(hide(await resolvedRequest(name))).rejects.toMatchObject({ type: 'refused' });
  expect(await world.sql`SELECT FROM lethe.attention`).toHaveLength(4);
  expect(await world.sql`SELECT FROM lethe.system_outages`).toHaveLength(0);
});
