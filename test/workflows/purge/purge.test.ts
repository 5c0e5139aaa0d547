import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { user } from '../../support/ledger.ts';
import {
  cancel,
  ended,
  eventually,
  hold,
  nowOf,
  receiptOf,
  release,
  retry,
  skippingUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { addEvents, addUser, isHidden, rowsOf } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';
import { tablesWith } from '../application.ts';
import { refusals } from '../suppression/suppressing.ts';

// Short waits, because a step that fails is retried every ten minutes of simulated time.
const policy = { graceMs: HOUR_MS, window: null, settleMs: HOUR_MS };
const world = await withWorld({ demo: { crm: true, policy } });

const statesOf = async (requestId: string) => (await statusOf(world, requestId)).states;
const untilDeleted = (requestId: string, count: number) =>
  skippingUntil(world, 'deleted', async () => (await statesOf(requestId)).deleted === count);
const untilPurged = (text: string) => eventually('purged', async () => (await tablesWith(world, text)).length === 0);
const entriesOf = (requestId: string) =>
  listSubjects(world.database, { requestId, project: 'demo', after: 0, limit: 10 });
const outcomesOf = async (requestId: string) => (await entriesOf(requestId)).map(({ outcome }) => outcome);
const addTo = async (...ids: string[]) => {
  for (const id of ids) for (const sql of [world.app, world.crm]) await addUser(sql, id);
};

test('purges three deleted subjects after their settle period beside a held one, and the held one after its release', async () => {
  const gone = ['gone-1', 'gone-2', 'gone-3'];
  await addTo(...gone, 'stays-1');
  const { id: holdId } = await hold(world, 'demo', [user('stays-1')]);
  const requestId = await submit(world, 'demo', [...gone, 'stays-1'].map(user));
  await skippingUntil(world, 'verifying', async () => (await statusOf(world, requestId)).status === 'verifying');
  // The verification after the settle period searches for them by their identities.
  expect(await statesOf(requestId)).toEqual({ claimed: 3, soft_deleted: 1 });
  expect(await tablesWith(world, 'gone-')).toEqual(
    expect.arrayContaining(['lethe.subject_identities', 'lethe.submitted_identities', 'lethe_system.batch']),
  );
  await untilDeleted(requestId, 3);
  await untilPurged('gone-');
  expect(await tablesWith(world, 'stays-1')).toEqual(
    expect.arrayContaining(['lethe.subject_identities', 'lethe.submitted_identities']),
  );
  for (const sql of [world.app, world.crm]) {
    expect(await isHidden(sql, 'gone-1')).toEqual({ flagged: false, hidden: false });
    expect(await isHidden(sql, 'stays-1')).toEqual({ flagged: true, hidden: true });
  }
  const entries = await entriesOf(requestId);
  expect(entries.map(({ position, outcome, value }) => [position, outcome, value])).toEqual([
    [1, 'deleted', null],
    [2, 'deleted', null],
    [3, 'deleted', null],
    [4, 'held', ['stays-1']],
  ]);
  expect(entries[0]).toMatchObject({ identityCount: 0, identities: [], retained: [{ rows: 2 }] });
  await release(world, 'demo', holdId);
  expect(await ended(world, requestId)).toBe('completed');
  expect([await tablesWith(world, 'gone-'), await tablesWith(world, 'stays-')]).toEqual([[], []]);
  expect(await rowsOf(world.app, 'stays-1')).toEqual({});
  const { outcomes, systems } = await receiptOf(world, requestId);
  expect(outcomes).toEqual({ deleted: 4 });
  expect(systems.map(({ tables }) => tables.find(({ table }) => table === 'app.users')?.removed)).toEqual([4, 4]);
});

test('purges deleted subjects beside one of their batch that is blocked, and counts each row once after a retry', async () => {
  const ids = ['free-1', 'locked-2', 'free-3'];
  await addTo(...ids);
  await world.app.unsafe(`ALTER TABLE app.invoices ADD COLUMN tag text;
    UPDATE app.invoices SET tag = 'kept' WHERE user_id = 'locked-2';
    ALTER TABLE app.invoices ADD CONSTRAINT keeps_owner CHECK (tag IS NULL OR user_id IS NOT NULL)`);
  const requestId = await submit(world, 'demo', ids.map(user));
  await untilDeleted(requestId, 2);
  await untilPurged('free-');
  expect(await tablesWith(world, 'locked-2')).toEqual(
    expect.arrayContaining(['lethe.subject_identities', 'lethe_system.batch']),
  );
  await world.app`ALTER TABLE app.invoices DROP CONSTRAINT keeps_owner`;
  await retry(world, requestId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'locked-2')).toEqual({});
  const { systems } = await receiptOf(world, requestId);
  const ofApp = systems.find(({ system }) => system === 'app')?.tables;
  expect(ofApp?.find(({ table }) => table === 'app.users')?.removed).toBe(3);
  expect(ofApp?.find(({ table }) => table === 'app.invoices')?.retained).toMatchObject([{ rows: 3 }]);
});

test('purges the ledger although a system cannot be reached, raises attention, and purges the system later', async () => {
  await addTo('lost-1', 'lost-held');
  const { id: holdId } = await hold(world, 'demo', [user('lost-held')]);
  world.faultsOf('demo', 'crm').away.add('purge');
  const requestId = await submit(world, 'demo', ['lost-1', 'lost-held'].map(user));
  await untilDeleted(requestId, 1);
  await skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  expect((await statusOf(world, requestId)).attention).toMatchObject([{ system: 'crm', step: 'conclude' }]);
  expect(await tablesWith(world, 'lost-1')).toEqual(['lethe_system.batch']);
  world.clearAllFaults();
  await skippingUntil(world, 'purged', async () => (await tablesWith(world, 'lost-1')).length === 0);
  await release(world, 'demo', holdId);
  expect(await ended(world, requestId)).toBe('completed');
});

test('keeps the identities of deleted subjects until a suppression of them is in every system', async () => {
  await addTo('banned-1', 'waits-held');
  const { id: holdId } = await hold(world, 'demo', [user('waits-held')]);
  world.faultsOf('demo', 'crm').away.add('setSuppression');
  const requestId = await submit(world, 'demo', ['banned-1', 'waits-held'].map(user), { suppress: true });
  await untilDeleted(requestId, 1);
  await skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  expect(await tablesWith(world, 'banned-1')).toContain('lethe.subject_identities');
  world.clearAllFaults();
  await skippingUntil(world, 'purged', async () => (await tablesWith(world, 'banned-1')).length === 0);
  expect(await refusals(world, 'banned-1')).toEqual([true, true]);
  expect(await refusals(world, 'waits-held')).toEqual([false, false]);
  await release(world, 'demo', holdId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await refusals(world, 'waits-held')).toEqual([true, true]);
});

test('purges cancelled and unknown identities at their run beside a held subject, also where a system is skipped', async () => {
  await addTo('left-1', 'left-cancelled', 'right-held');
  const { id: holdId } = await hold(world, 'demo', [user('right-held')]);
  world.faultsOf('demo', 'crm').away.add('hardDelete').add('purge').add('conclude');
  const names = ['left-1', 'left-cancelled', 'left-unknown', 'right-held'];
  const requestId = await submit(world, 'demo', names.map(user));
  await eventually('hidden', async () => (await statesOf(requestId)).soft_deleted === 3);
  await cancel(world, requestId, [2]);
  await skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  const skip = { requestId, system: 'crm', reason: 'retired', actor: 'ann', at: await nowOf(world) };
  await world.orchestrator.signalRequests((await skipSystem(world.database, skip)).wake);
  const inLedger = async () => (await tablesWith(world, 'left-')).filter((name) => name.startsWith('lethe.'));
  await skippingUntil(world, 'purged', async () => (await inLedger()).length === 0);
  expect(await outcomesOf(requestId)).toEqual(['partially_deleted', 'cancelled', 'not_found', 'held']);
  expect(await tablesWith(world, 'right-held')).toContain('lethe.subject_identities');
  const inApp = await world.app`SELECT FROM lethe_system.batch WHERE value::text LIKE '%left-%'`;
  expect(inApp).toHaveLength(0);
  await release(world, 'demo', holdId);
  expect(await ended(world, requestId)).toBe('partially_completed');
  expect(await inLedger()).toEqual([]);
});

test('deletes what a purged subject shares with a held one when the held one is deleted', async () => {
  await addTo('pair-1', 'other-2');
  for (const id of ['pair-1', 'other-2']) await world.app`INSERT INTO app.aliases VALUES ('tv-set', ${id})`;
  await addEvents(world.app, 'tv-set', 2);
  const { id: holdId } = await hold(world, 'demo', [user('other-2')]);
  const requestId = await submit(world, 'demo', ['pair-1', 'other-2'].map(user));
  await untilDeleted(requestId, 1);
  await untilPurged('pair-1');
  expect(await rowsOf(world.app, 'tv-set')).toEqual({ events: 2 });
  await release(world, 'demo', holdId);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'tv-set')).toEqual({});
});
