import { afterAll, beforeAll, expect, test } from 'vitest';
import { skipProcessor } from '../../../db/attention/retry.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { attendedRequests, waitsForConfirmation } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, WHOLE } from '../../support/world/people.ts';
import { cancel, confirm, ended, eventually, statusOf, submit } from '../../support/world/story.ts';
import { devServer } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';

/** In real time, on the server that also cancels activities: the one that skips time does neither of these well. */
let it: World;
beforeAll(async () => {
  const { env } = await devServer();
  it = await world(env, { two: { crm: true, policy: { graceMs: 500, window: null, settleMs: 500 } } });
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

test('terminated while it waits: started again it waits on, and goes on once it is confirmed', async () => {
  await Promise.all([addUser(it.app, 'u-1'), addUser(it.crm, 'u-1')]);
  const requestId = await submit(it, 'two', [user('u-1')], { confirm: true });
  await waitsForConfirmation(it, requestId);
  await it.env.client.workflow.getHandle(workflowIdFor(requestId)).terminate('a test');
  await it.database`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${requestId}`;
  expect(await attendedRequests(it)).toBe(1);
  await waitsForConfirmation(it, requestId);
  expect(it.faultsOf('two').calls.filter((verb) => verb === 'count')).toHaveLength(1);
  expect(await isHidden(it.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  await confirm(it, requestId, 1);
  expect(await ended(it, requestId)).toBe('completed');
  expect([await rowsOf(it.app, 'u-1'), await rowsOf(it.crm, 'u-1')]).toEqual([{}, {}]);
});

const left = async (sql: World['app'], requestId: string) => {
  const [row] = await sql<{ identities: number }[]>`
    SELECT count(*)::int AS identities FROM lethe_processor.batch WHERE request_id = ${requestId}`;
  return row?.identities;
};

test('called off while a processor is away that was to be counted: nobody waits for it', async () => {
  await Promise.all([addUser(it.app, 'u-2'), addUser(it.crm, 'u-2')]);
  it.faultsOf('two', 'crm').away.add('count');
  const tried = it.faultsOf('two', 'crm').calls.length;
  const requestId = await submit(it, 'two', [user('u-2')], { confirm: true });
  await eventually('tried in crm', async () => it.faultsOf('two', 'crm').calls.slice(tried).includes('count'));
  await cancel(it, requestId, 'all');
  expect(await ended(it, requestId)).toBe('cancelled');
  it.faultsOf('two', 'crm').away.clear();
  expect(await rowsOf(it.crm, 'u-2')).toEqual(WHOLE);
  expect([await left(it.app, requestId), await left(it.crm, requestId)]).toEqual([0, 0]);
});

test('a processor that cannot be counted is skipped: the others wait for their confirmation, and it is not asked again', async () => {
  await Promise.all([addUser(it.app, 'u-4'), addUser(it.crm, 'u-4')]);
  const faults = it.faultsOf('two', 'crm');
  faults.away.add('count');
  const requestId = await submit(it, 'two', [user('u-4')], { confirm: true });
  await eventually('attention', async () => (await statusOf(it, requestId)).attention.length > 0);
  const by = { requestId, processor: 'crm', reason: 'shut down', actor: 'mem_owner', at: new Date() };
  await it.orchestrator.wake((await skipProcessor(it.database, by)).wake);
  await waitsForConfirmation(it, requestId);
  expect((await statusOf(it, requestId)).counts.map(({ processor }) => processor)).toEqual(['app']);
  const asked = faults.calls.length;
  await confirm(it, requestId, 1);
  expect(await ended(it, requestId)).toBe('partially_completed');
  expect(faults.calls.slice(asked)).toEqual([]);
  faults.away.clear();
  expect(await rowsOf(it.app, 'u-4')).toEqual({});
});

test('called off in the middle of a count: it is tidied up only after that, and no identity is left behind', async () => {
  await Promise.all([addUser(it.app, 'u-3'), addUser(it.crm, 'u-3')]);
  const faults = it.faultsOf('two', 'crm');
  let goOn = (): void => {};
  const waits = new Promise<void>((done) => (goOn = done));
  let begun = false;
  faults.beforeCount = async () => {
    begun = true;
    await waits;
  };
  const requestId = await submit(it, 'two', [user('u-3')], { confirm: true });
  await eventually('counting', async () => begun);
  const concluded = faults.calls.filter((verb) => verb === 'conclude').length;
  await cancel(it, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(it, requestId)).states).toEqual({ cancelled: 1 });
  expect(faults.calls.filter((verb) => verb === 'conclude')).toHaveLength(concluded);
  goOn();
  faults.beforeCount = null;
  expect(await ended(it, requestId)).toBe('cancelled');
  expect([await left(it.app, requestId), await left(it.crm, requestId)]).toEqual([0, 0]);
});

test('called off while it is being looked for: that is ended first, wherever it goes on, and no identity is left behind', async () => {
  const [app, crm] = [it.faultsOf('two'), it.faultsOf('two', 'crm')];
  let goOn = (): void => {};
  const waits = new Promise<void>((done) => (goOn = done));
  let begun = false;
  app.beforeCount = async () => {
    begun = true;
    await waits;
  };
  // Called off, this one has stopped at once.
  crm.away.add('count');
  const tried = crm.calls.length;
  const tidied = () => [app, crm].flatMap(({ calls }) => calls).filter((verb) => verb === 'conclude').length;
  const before = tidied();
  const requestId = await submit(it, 'two', [user('nobody-1')]);
  await eventually('looked for', async () => begun && crm.calls.slice(tried).includes('count'));
  await cancel(it, requestId, 'all');
  await new Promise((done) => setTimeout(done, 2_000));
  expect((await statusOf(it, requestId)).states).toEqual({ cancelled: 1 });
  expect(tidied()).toBe(before);
  goOn();
  app.beforeCount = null;
  expect(await ended(it, requestId)).toBe('cancelled');
  crm.away.clear();
  expect(tidied()).toBe(before + 2);
  expect([await left(it.app, requestId), await left(it.crm, requestId)]).toEqual([0, 0]);
});
