import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { user } from '../../support/ledger.ts';
import { addUser, rowsOf } from '../../support/world/users.ts';
import { ended, nowOf, receiptOf, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), {
    attesting: { crm: true, crmEntry: { verification: 'attested' } },
    unverifiable: { crm: true, crmEntry: { verification: 'none', counts: false } },
    slow: {},
  });
});
afterAll(async () => world.close());

test('completes and lists a system that only attests under unverified, with the time and without survivors', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  const attestedAt = new Date('2026-11-01T00:00:00.000Z');
  world.faultsOf('attesting', 'crm').verification = { attestedAt };
  const requestId = await submit(world, 'attesting', [user('u-1')]);
  expect(await ended(world, requestId)).toBe('completed');
  const receipt = await receiptOf(world, requestId);
  expect(receipt.unverified).toEqual([{ system: 'crm', level: 'attested', saidAt: attestedAt.toISOString() }]);
  expect(receipt.systems.map(({ system, survivors }) => [system, survivors])).toEqual([
    ['app', 0],
    ['crm', null],
  ]);
});

test('lists a system without verification under unverified and completes', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  world.faultsOf('unverifiable', 'crm').verification = { unknown: 'no verification' };
  const requestId = await submit(world, 'unverifiable', [user('u-2')]);
  expect(await ended(world, requestId)).toBe('completed');
  const { unverified } = await receiptOf(world, requestId);
  expect(unverified).toMatchObject([{ system: 'crm', level: 'none' }]);
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 1 });
});

test('does not report an unknown identity as not_found when a system cannot count', async () => {
  world.faultsOf('unverifiable', 'crm').verification = { unknown: 'no verification' };
  const requestId = await submit(world, 'unverifiable', [user('unknown')]);
  expect(await ended(world, requestId)).toBe('completed');
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 1 });
});

test('continues the deletion with the tickets of the range at the time that the system names', async () => {
  await addUser(world.app, 'u-3');
  const faults = world.faultsOf('slow');
  faults.postponements = 2;
  const requestId = await submit(world, 'slow', [user('u-3')]);
  const due = (await statusOf(world, requestId)).hardDeleteAt;
  expect(await ended(world, requestId)).toBe('completed');
  expect(faults.tickets).toEqual([[], ['ticket-1'], ['ticket-1', 'ticket-0']]);
  expect(Number(await nowOf(world)) - Number(due)).toBeGreaterThan(2 * DAY_MS);
  expect(await rowsOf(world.app, 'u-3')).toEqual({});
});
