import { readDeletionRow } from '../../../db/requests/row.ts';
import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { runHousekeeping, terminate } from '../../support/world/operator.ts';
import { user } from '../../support/ledger.ts';
import { addEvents, addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  ended,
  endedInRealTime,
  eventually,
  nowOf,
  receiptOf,
  retry,
  skippingUntil,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';

const world = await withWorld({ demo: {}, two: { crm: true }, growing: { policy: { growth: 2 } } });

const waitUntilSoftDeleted = (requestId: string) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === 1);
/** Skips time to the run that claims the subject. */
const skipToRun = async (requestId: string) => {
  await waitUntilSoftDeleted(requestId);
  await sleepUntil(world, (await readDeletionRow(world.database, requestId)).hardDeleteAt);
};
const readAttentionCodes = async (requestId: string) =>
  (await statusOf(world, requestId)).attention.map(({ code }) => code);

test('raises attention for a failing system, deletes from the other one, and completes when it is available again', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  const requestId = await submit(world, 'two', [user('u-1')]);
  world.faultsOf('two', 'crm').away.add('hardDelete');
  await skipToRun(requestId);
  await eventually('deleted in app', async () => Object.keys(await rowsOf(world.app, 'u-1')).length === 0);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('system_unavailable'),
  );
  await world.env.sleep('30 minutes');
  expect(await rowsOf(world.crm, 'u-1')).toEqual(ALL_ROWS);
  world.faultsOf('two', 'crm').away.clear();
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.crm, 'u-1')).toEqual({});
  expect(await readAttentionCodes(requestId)).toEqual([]);
});

test('ends as partially_completed and reports no subject as deleted when an operator skips a failing system', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  const requestId = await submit(world, 'two', [user('u-2')]);
  world.faultsOf('two', 'crm').away.add('hardDelete');
  await skipToRun(requestId);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('system_unavailable'),
  );
  const skip = { requestId, system: 'crm', reason: 'contract ended', actor: 'operator', at: await nowOf(world) };
  await world.orchestrator.signalRequests((await skipSystem(world.database, skip)).wake);
  expect(await ended(world, requestId)).toBe('partially_completed');
  world.faultsOf('two', 'crm').away.clear();
  const receipt = await receiptOf(world, requestId);
  expect(receipt.subjects).toEqual({ partially_deleted: 1 });
  expect(receipt.systems).toMatchObject([
    { system: 'app', state: 'verified', survivors: 0 },
    { system: 'crm', state: 'skipped', skipReason: 'contract ended', verifiedAt: null },
  ]);
  expect(await rowsOf(world.crm, 'u-2')).toEqual(ALL_ROWS);
});

test('deletes survivors again and counts each row once in the receipt', async () => {
  await addUser(world.app, 'u-3');
  const faults = world.faultsOf('demo');
  let late = 1;
  faults.afterDelete = async () => {
    if (late-- > 0) await addEvents(world.app, 'u-3', 2);
  };
  const requestId = await submit(world, 'demo', [user('u-3')]);
  expect(await ended(world, requestId)).toBe('completed');
  faults.afterDelete = null;
  expect(await rowsOf(world.app, 'u-3')).toEqual({});
  const { systems } = await receiptOf(world, requestId);
  expect(systems[0]?.tables.find(({ table }) => table === 'app.events')?.removed).toBe(5);
  expect(systems[0]?.tables.find(({ table }) => table === 'app.users')?.removed).toBe(1);
});

test('raises attention after five passes when rows keep reappearing', async () => {
  await addUser(world.app, 'u-4');
  const faults = world.faultsOf('demo');
  faults.afterDelete = () => addEvents(world.app, 'u-4', 1);
  const requestId = await submit(world, 'demo', [user('u-4')]);
  await skipToRun(requestId);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('survivors_remain'),
  );
  await world.env.sleep('30 days');
  expect((await statusOf(world, requestId)).status).toBe('deleting');
  faults.afterDelete = null;
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-4')).toEqual({});
});

test('does not complete while the verification returns unknown', async () => {
  await addUser(world.app, 'u-5');
  const faults = world.faultsOf('demo');
  faults.verification = { unknown: 'permission_lost' };
  const requestId = await submit(world, 'demo', [user('u-5')]);
  await skipToRun(requestId);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('verification_unknown'),
  );
  await world.env.sleep('30 days');
  expect((await receiptOf(world, requestId)).final).toBe(false);
  faults.verification = null;
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
});

test('deletes an event that arrives during the settle period before it reports the subject as deleted', async () => {
  await addUser(world.app, 'u-6');
  const requestId = await submit(world, 'demo', [user('u-6')]);
  await skipToRun(requestId);
  await eventually('verifying', async () => (await statusOf(world, requestId)).status === 'verifying');
  expect(await rowsOf(world.app, 'u-6')).toEqual({});
  expect((await statusOf(world, requestId)).states).toEqual({ claimed: 1 });
  await addEvents(world.app, 'u-6', 4);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-6')).toEqual({});
  const { systems } = await receiptOf(world, requestId);
  expect(systems[0]?.tables.find(({ table }) => table === 'app.events')?.removed).toBe(7);
});

test('deletes nothing and waits while a table is neither mapped nor ignored', async () => {
  await addUser(world.app, 'u-7');
  const requestId = await submit(world, 'demo', [user('u-7')]);
  await waitUntilSoftDeleted(requestId);
  await world.app`CREATE TABLE app.forgotten (user_id text REFERENCES app.users, note text)`;
  await skipToRun(requestId);
  await skippingUntil(world, 'waits', async () =>
    (await statusOf(world, requestId)).waits.some(({ reason }) => reason === 'coverage_broken'),
  );
  expect(await rowsOf(world.app, 'u-7')).toEqual(ALL_ROWS);
  expect(await readAttentionCodes(requestId)).toEqual([]);
  expect((await statusOf(world, requestId)).states).toEqual({ soft_deleted: 1 });
  await world.app`DROP TABLE app.forgotten`;
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-7')).toEqual({});
});

test('raises attention while the directory is unavailable, and resolves and hides the subject afterwards', async () => {
  await addUser(world.app, 'u-8');
  world.faultsOf('demo').away.add('resolve');
  const requestId = await submit(world, 'demo', [user('u-8')]);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('system_unavailable'),
  );
  await world.env.sleep('30 minutes');
  expect((await statusOf(world, requestId)).status).toBe('resolving');
  world.faultsOf('demo').away.clear();
  await skippingUntil(world, 'hidden', async () => (await statusOf(world, requestId)).states.soft_deleted === 1);
  expect(await readAttentionCodes(requestId)).toEqual([]);
  expect(await isHidden(world.app, 'u-8')).toEqual({ flagged: true, hidden: true });
  await cancel(world, requestId, 'all');
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
});

test('does not repeat a refused resolution before its retry is due', async () => {
  const faults = world.faultsOf('demo');
  faults.refused.add('resolve');
  const calls = () => faults.calls.filter((call) => call === 'resolve').length;
  const requestId = await submit(world, 'demo', [user('u-30')]);
  await eventually('attention', async () => (await readAttentionCodes(requestId)).includes('system_refused'));
  const before = calls();
  await new Promise((done) => setTimeout(done, 2_000));
  expect(calls() - before).toBeLessThanOrEqual(1);
  await cancel(world, requestId, 'all');
  expect(await endedInRealTime(world, requestId)).toBe('cancelled');
});

test('adds a subject that an alias matches later, and restores one that the alias does not match any more', async () => {
  await Promise.all(['u-10', 'u-11', 'u-12', 'u-13'].map((id) => addUser(world.app, id)));
  await world.app`INSERT INTO app.aliases VALUES ('device-1', 'u-10'), ('device-2', 'u-12')`;
  const alias = (value: string) => ({ type: 'alias', value: [value] });
  const requestId = await submit(world, 'growing', [alias('device-1'), alias('device-2')]);
  await eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === 2);
  await world.env.sleep('5 days');
  await world.app`INSERT INTO app.aliases VALUES ('device-1', 'u-11')`;
  await world.app`UPDATE app.aliases SET user_id = 'u-13' WHERE alias = 'device-2'`;
  expect(await ended(world, requestId)).toBe('completed');
  for (const id of ['u-10', 'u-11', 'u-13']) expect(await rowsOf(world.app, id)).toEqual({});
  expect(await rowsOf(world.app, 'u-12')).toEqual(ALL_ROWS);
  expect(await isHidden(world.app, 'u-12')).toEqual({ flagged: false, hidden: false });
});

test('raises attention and claims nothing when far more subjects match, until an operator retries', async () => {
  const people = ['u-20', 'u-21', 'u-22', 'u-23'];
  await Promise.all(people.map((id) => addUser(world.app, id)));
  await world.app`INSERT INTO app.aliases VALUES ('device-3', 'u-20')`;
  const requestId = await submit(world, 'demo', [{ type: 'alias', value: ['device-3'] }]);
  await waitUntilSoftDeleted(requestId);
  await world.app`INSERT INTO app.aliases VALUES ('device-3', 'u-21'), ('device-3', 'u-22'), ('device-3', 'u-23')`;
  await skipToRun(requestId);
  await skippingUntil(world, 'attention', async () =>
    (await readAttentionCodes(requestId)).includes('resolution_grew'),
  );
  await world.env.sleep('5 days');
  for (const id of people) expect(await rowsOf(world.app, id)).toEqual(ALL_ROWS);
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  for (const id of people) expect(await rowsOf(world.app, id)).toEqual({});
});

test('completes when housekeeping restarts a workflow that was terminated during the grace period', async () => {
  await addUser(world.app, 'u-9');
  const requestId = await submit(world, 'demo', [user('u-9')]);
  await waitUntilSoftDeleted(requestId);
  await world.env.sleep('2 days');
  await terminate(world, requestId);
  await world.env.sleep('2 minutes');
  expect(await runHousekeeping(world)).toBeGreaterThan(0);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-9')).toEqual({});
  expect(await receiptOf(world, requestId)).toMatchObject({ subjects: { deleted: 1 }, systems: [{ survivors: 0 }] });
});
