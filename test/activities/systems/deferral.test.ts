import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLedgerActivities, createSystemActivities } from '../../../activities/index.ts';
import type { ActivityDeps } from '../../../activities/deps.ts';
import { type Connector, type ConnectorContext, ConnectorError } from '../../../connectors/connector.ts';
import { retrySystems } from '../../../db/attention/retry.ts';
import type { Catalog } from '../../../domain/catalog.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { archives } from '../../support/archives.ts';
import {
  accept,
  allKnown,
  APP,
  KEYS,
  type Ledger,
  ledger,
  POLICY,
  reconcileAt,
  resolve,
  START,
  user,
} from '../../support/ledger.ts';
import { notificationDeps } from '../../support/outbound.ts';
import { idleStarter, perform } from '../environment.ts';

// A system whose lane allows one call in two days, so that no attempt can wait for the second.
const lanes = { default: [{ calls: 1, perMs: 2 * DAY_MS }] };
const catalog: Catalog = new Map([
  ['demo', { name: 'demo', policy: POLICY, directory: 'app', systems: [{ ...APP, lanes }] }],
]);

let world: Ledger;
let activities: ReturnType<typeof createLedgerActivities> & ReturnType<typeof createSystemActivities>;
let call: (context: ConnectorContext) => Promise<void>;
const connector = {
  inspect: async () => [],
  setVisibility: async (_batch, _change, context) => call(context),
  hardDelete: async () => ({ done: true }),
  close: async () => {},
} satisfies Connector;

beforeAll(async () => {
  world = await ledger();
  const deps: ActivityDeps = {
    ...world,
    keys: KEYS,
    catalog,
    connector: () => connector,
    starter: idleStarter,
    storage: archives(),
    ...notificationDeps(),
  };
  activities = { ...createLedgerActivities(deps), ...createSystemActivities(deps) };
});
afterAll(() => world.closeLedger());

const stepInput = (requestId: string, at: Date) => ({ requestId, project: 'demo', system: 'app', asOf: at.getTime() });
const rowsOf = async (requestId: string) => ({
  waits: await world.sql`SELECT system, step, code, until FROM lethe.waits WHERE request_id = ${requestId}`,
  attention: await world.sql`SELECT code FROM lethe.attention WHERE request_id = ${requestId}`,
});

async function resolvedRequest(name: string): Promise<string> {
  const requestId = await accept(world, [user(name)]);
  await resolve(world, requestId, allKnown([user(name)]));
  return requestId;
}

test('waits without attention, and counts no failed attempt, when the rate limit is used up for longer than an attempt', async () => {
  call = (context) => context.waitForSlot('default');
  const requestId = await resolvedRequest('first');
  await perform(activities.applyVisibility, stepInput(requestId, START));
  const late = await resolvedRequest('second');
  await expect(perform(activities.applyVisibility, stepInput(late, START))).rejects.toMatchObject({
    type: 'deferred',
    nonRetryable: true,
  });
  await perform(activities.deferStep, { ...stepInput(late, START), step: 'visibility' });
  const { waits, attention } = await rowsOf(late);
  expect(attention).toEqual([]);
  expect(waits).toEqual([{ system: 'app', step: 'visibility', code: 'rate_limit', until: expect.any(Date) }]);
  const until: Date = waits[0]?.['until'];
  expect(Math.abs(until.getTime() - (START.getTime() + 2 * DAY_MS))).toBeLessThan(DAY_MS / 2);

  const state = await reconcileAt(world, late, START);
  expect(state).toMatchObject({ systemsToSync: [], attention: [], nextDueAt: until.getTime() });
  expect(state.waits).toEqual([{ system: 'app', code: 'rate_limit', until: until.getTime() }]);
  expect((await reconcileAt(world, late, until)).systemsToSync).toEqual(['app']);

  // The wait ends with the step, and not before.
  call = async () => {};
  await perform(activities.applyVisibility, stepInput(late, until));
  expect(await rowsOf(late)).toEqual({ waits: [], attention: [] });
  expect(await world.sql`SELECT FROM lethe.audit_events WHERE action LIKE 'attention.%'`).toHaveLength(0);
});

test('replaces the wait by attention when the step fails afterwards, and ends it when an operator retries', async () => {
  const requestId = await resolvedRequest('third');
  call = (context) => context.waitForSlot('default');
  const defer = () =>
    expect(perform(activities.applyVisibility, stepInput(requestId, START))).rejects.toMatchObject({
      type: 'deferred',
    });
  await defer();
  expect((await rowsOf(requestId)).waits).toHaveLength(1);
  const retry = { requestId, system: 'app', reason: 'the quota was raised', actor: 'mem_1', at: START };
  expect((await retrySystems(world.database, retry)).systems).toEqual(['app']);
  expect(await rowsOf(requestId)).toEqual({ waits: [], attention: [] });

  await defer();
  call = () => Promise.reject(new ConnectorError('refused', 'no', { retryable: false }));
  await expect(perform(activities.applyVisibility, stepInput(requestId, START))).rejects.toMatchObject({
    type: 'refused',
  });
  expect(await rowsOf(requestId)).toEqual({ waits: [], attention: [{ code: 'system_refused' }] });
  call = (context) => context.waitForSlot('default');
  await defer();
  expect(await rowsOf(requestId)).toMatchObject({ waits: [{ code: 'rate_limit' }], attention: [] });
});

test('postpones the lane of a system that asks for it, for each call of any step', async () => {
  call = (context) => context.postponeLane('other', new Date(Date.now() + 2 * DAY_MS));
  const requestId = await resolvedRequest('fourth');
  await perform(activities.applyVisibility, stepInput(requestId, START));
  call = (context) => context.waitForSlot('other');
  const postponed = await resolvedRequest('fifth');
  await expect(perform(activities.applyVisibility, stepInput(postponed, START))).rejects.toMatchObject({
    type: 'deferred',
  });
  call = (context) => context.waitForSlot('unnamed');
  await perform(activities.applyVisibility, stepInput(postponed, START));
  expect(await rowsOf(postponed)).toEqual({ waits: [], attention: [] });
});
