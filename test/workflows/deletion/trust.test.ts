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
    attesting: { crm: true, crmVerification: 'attested' },
    silent: { crm: true, crmVerification: 'none' },
    slow: {},
  });
});
afterAll(async () => world.close());

test('a system that only attests: completed, its word listed as unverified with its time, and no survivors claimed', async () => {
  await Promise.all([addUser(world.app, 'u-1'), addUser(world.crm, 'u-1')]);
  const saidAt = new Date('2026-11-01T00:00:00.000Z');
  world.faultsOf('attesting', 'crm').verification = { attestedAt: saidAt };
  const requestId = await submit(world, 'attesting', [user('u-1')]);
  expect(await ended(world, requestId)).toBe('completed');
  const receipt = await receiptOf(world, requestId);
  expect(receipt.unverified).toEqual([{ system: 'crm', level: 'attested', saidAt: saidAt.toISOString() }]);
  expect(receipt.systems.map(({ system, survivors }) => [system, survivors])).toEqual([
    ['app', 0],
    ['crm', null],
  ]);
});

test('a system that says nothing is unverified; the same silence of one that can be read is not accepted', async () => {
  await Promise.all([addUser(world.app, 'u-2'), addUser(world.crm, 'u-2')]);
  world.faultsOf('silent', 'crm').verification = { unknown: 'it says nothing' };
  const requestId = await submit(world, 'silent', [user('u-2')]);
  expect(await ended(world, requestId)).toBe('completed');
  const { unverified } = await receiptOf(world, requestId);
  expect(unverified).toMatchObject([{ system: 'crm', level: 'none' }]);
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 1 });
});

test('of whom the directory does not know, a silent system is no proof: nobody is called not_found', async () => {
  world.faultsOf('silent', 'crm').verification = { unknown: 'it says nothing' };
  const requestId = await submit(world, 'silent', [user('nobody')]);
  expect(await ended(world, requestId)).toBe('completed');
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 1 });
});

test('a system that asks to be asked again is, with the ticket that it gave, and deletes in the end', async () => {
  await addUser(world.app, 'u-3');
  const faults = world.faultsOf('slow');
  faults.askAgain = 2;
  const requestId = await submit(world, 'slow', [user('u-3')]);
  const due = (await statusOf(world, requestId)).hardDeleteAt;
  expect(await ended(world, requestId)).toBe('completed');
  expect(faults.tickets).toEqual([null, 'ticket-1', 'ticket-0']);
  expect(Number(await nowOf(world)) - Number(due)).toBeGreaterThan(2 * DAY_MS);
  expect(await rowsOf(world.app, 'u-3')).toEqual({});
});
