import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { user } from '../../support/ledger.ts';
import { ended, eventually, nowOf, skippingUntil, statusOf, submit } from '../../support/world/actions.ts';
import { addUser } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';
import { lift, missingIn, place, refusals, SYSTEMS, summaryOf } from './suppressing.ts';

// Short waits, because a step that fails is retried every ten minutes of simulated time.
const policy = { graceMs: HOUR_MS, window: null, settleMs: HOUR_MS };
const world = await withWorld({ demo: { crm: true, policy } });
const EVERYWHERE = [true, true];

async function submitSuppressing(id: string): Promise<string> {
  for (const sql of [world.app, world.crm]) await addUser(sql, id);
  return submit(world, 'demo', [user(id)], { suppress: true });
}
const untilCrmFails = (requestId: string) =>
  skippingUntil(world, 'attention', async () =>
    (await statusOf(world, requestId)).attention.some(({ step }) => step === 'suppress'),
  );

test('tells that a suppression is missing in a system, and does not end, until the system has it', async () => {
  world.faultsOf('demo', 'crm').away.add('setSuppression');
  const requestId = await submitSuppressing('away');
  await untilCrmFails(requestId);
  expect((await statusOf(world, requestId)).attention).toMatchObject([{ system: 'crm', code: 'system_unavailable' }]);
  expect(await missingIn(world, 'away')).toEqual([['crm']]);
  expect(await summaryOf(world, requestId)).toEqual({ placed: 0, pending: 1, missingIn: ['crm'] });
  const [row] = await world.sql`SELECT concluded_at FROM lethe.requests WHERE id = ${requestId}`;
  expect(row).toEqual({ concludedAt: null });
  world.clearAllFaults();
  expect(await ended(world, requestId)).toBe('completed');
  expect([await refusals(world, 'away'), await missingIn(world, 'away')]).toEqual([EVERYWHERE, [[]]]);
});

test('tells that a suppression is missing in a system that an owner has skipped', async () => {
  world.faultsOf('demo', 'crm').away.add('hardDelete').add('setSuppression');
  const requestId = await submitSuppressing('skipped');
  await skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  const skip = { requestId, system: 'crm', reason: 'retired', actor: 'ann', at: await nowOf(world) };
  await world.orchestrator.signalRequests((await skipSystem(world.database, skip)).wake);
  expect(await ended(world, requestId)).toBe('partially_completed');
  expect([await refusals(world, 'skipped'), await missingIn(world, 'skipped')]).toEqual([[true, false], [['crm']]]);
  expect(await summaryOf(world, requestId)).toEqual({ placed: 1, pending: 0, missingIn: ['crm'] });
  world.clearAllFaults();
});

test('does not suppress an identity again that is lifted while a system lacks its suppression', async () => {
  world.faultsOf('demo', 'crm').away.add('setSuppression');
  const requestId = await submitSuppressing('lifted');
  await untilCrmFails(requestId);
  await lift(world, 'lifted');
  world.clearAllFaults();
  expect(await ended(world, requestId)).toBe('completed');
  await eventually('lifted', async () => (await refusals(world, 'lifted')).every((refuses) => !refuses));
  const [left] = await world.sql`SELECT count(*) FROM lethe.suppressions WHERE propagated_at IS NULL`;
  expect(left).toEqual({ count: 0 });
  expect(await missingIn(world, 'lifted')).toEqual([]);
});

test('tells which system was configured after a suppression was placed, and reaches it when it is placed again', async () => {
  await place(world, 'later');
  await eventually('placed', async () => (await missingIn(world, 'later'))[0]?.length === 0);
  expect(await refusals(world, 'later')).toEqual(EVERYWHERE);
  expect(await missingIn(world, 'later', [...SYSTEMS, 'new'])).toEqual([['new']]);
  await world.sql`DELETE FROM lethe.suppression_systems WHERE system = 'crm'`;
  await world.crm`DELETE FROM lethe_system.suppressions`;
  expect(await missingIn(world, 'later')).toEqual([['crm']]);
  expect(await place(world, 'later')).toMatchObject({ missingIn: ['crm'] });
  await eventually('placed again', async () => (await refusals(world, 'later'))[1] === true);
  await eventually('recorded', async () => (await missingIn(world, 'later'))[0]?.length === 0);
  await eventually('erased', async () => {
    const [row] = await world.sql`SELECT count(identity) FROM lethe.suppressions`;
    return row?.count === 0;
  });
});
