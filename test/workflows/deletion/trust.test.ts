import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import { user } from '../../support/ledger.ts';
import { addUser, rowsOf } from '../../support/world/people.ts';
import { ended, nowOf, receiptOf, statusOf, submit } from '../../support/world/story.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';

let it: World;
beforeAll(async () => {
  it = await world(await timeSkipping(), {
    attesting: { crm: true, crmVerification: 'attested' },
    silent: { crm: true, crmVerification: 'none' },
    slow: {},
  });
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

test('a processor that only attests: completed, its word listed as unverified with its time, and no survivors claimed', async () => {
  await Promise.all([addUser(it.app, 'u-1'), addUser(it.crm, 'u-1')]);
  const saidAt = new Date('2026-11-01T00:00:00.000Z');
  it.faultsOf('attesting', 'crm').verification = { attestedAt: saidAt };
  const requestId = await submit(it, 'attesting', [user('u-1')]);
  expect(await ended(it, requestId)).toBe('completed');
  const receipt = await receiptOf(it, requestId);
  expect(receipt.unverified).toEqual([{ processor: 'crm', level: 'attested', saidAt: saidAt.toISOString() }]);
  expect(receipt.processors.map(({ processor, survivors }) => [processor, survivors])).toEqual([
    ['app', 0],
    ['crm', null],
  ]);
});

test('a processor that says nothing is unverified; the same silence of one that can be read is not accepted', async () => {
  await Promise.all([addUser(it.app, 'u-2'), addUser(it.crm, 'u-2')]);
  it.faultsOf('silent', 'crm').verification = { unknown: 'it says nothing' };
  const requestId = await submit(it, 'silent', [user('u-2')]);
  expect(await ended(it, requestId)).toBe('completed');
  const { unverified } = await receiptOf(it, requestId);
  expect(unverified).toMatchObject([{ processor: 'crm', level: 'none' }]);
  expect((await statusOf(it, requestId)).states).toEqual({ deleted: 1 });
});

test('of whom the directory does not know, a silent processor is no proof: nobody is called not_found', async () => {
  it.faultsOf('silent', 'crm').verification = { unknown: 'it says nothing' };
  const requestId = await submit(it, 'silent', [user('nobody')]);
  expect(await ended(it, requestId)).toBe('completed');
  expect((await statusOf(it, requestId)).states).toEqual({ deleted: 1 });
});

test('a processor that asks to be asked again is, with the ticket that it gave, and deletes in the end', async () => {
  await addUser(it.app, 'u-3');
  const faults = it.faultsOf('slow');
  faults.askAgain = 2;
  const requestId = await submit(it, 'slow', [user('u-3')]);
  const due = (await statusOf(it, requestId)).hardDeleteAt;
  expect(await ended(it, requestId)).toBe('completed');
  expect(faults.tickets).toEqual([null, 'ticket-1', 'ticket-0']);
  expect(Number(await nowOf(it)) - Number(due)).toBeGreaterThan(2 * DAY_MS);
  expect(await rowsOf(it.app, 'u-3')).toEqual({});
});
