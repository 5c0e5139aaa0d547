import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, WHOLE } from '../../support/world/people.ts';
import { cancel, ended, eventually, skippingUntil, statusOf, submit } from '../../support/world/story.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';

let it: World;
beforeAll(async () => {
  it = await world(await timeSkipping(), { demo: {}, two: { crm: true, policy: { graceMs: HOUR_MS, window: null } } });
  for (const sql of [it.app, it.crm]) await sql`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

const softDeleted = (requestId: string) =>
  eventually('soft-deleted', async () => (await statusOf(it, requestId)).states.soft_deleted === 1);

test('the cancel button of Temporal’s UI restores what is not claimed, like any cancellation', async () => {
  await addUser(it.app, 'u-1');
  const requestId = await submit(it, 'demo', [user('u-1')]);
  await softDeleted(requestId);
  await it.env.client.workflow.getHandle(workflowIdFor(requestId)).cancel();
  expect(await ended(it, requestId)).toBe('cancelled');
  expect(await isHidden(it.app, 'u-1')).toEqual({ flagged: false, hidden: false });
  expect(await rowsOf(it.app, 'u-1')).toEqual(WHOLE);
  const audit = await it.database<{ actor: string }[]>`
    SELECT actor FROM lethe.audit_events WHERE request_id = ${requestId} AND action = 'subjects.cancelled'`;
  expect(audit.map(({ actor }) => actor)).toEqual(['temporal']);
});

test('a processor that cannot hide on time: the subject waits for it, and a cancellation follows it home', async () => {
  await Promise.all([addUser(it.app, 'u-2'), addUser(it.crm, 'u-2')]);
  it.faultsOf('two', 'crm').away.add('setVisibility');
  const requestId = await submit(it, 'two', [user('u-2')]);
  await eventually('hidden in app', async () => (await isHidden(it.app, 'u-2')).hidden);
  await skippingUntil(it, 'attention', async () => (await statusOf(it, requestId)).attention.length > 0);
  await it.env.sleep('6 hours');
  expect((await statusOf(it, requestId)).states).toEqual({ resolved: 1 });
  expect(await rowsOf(it.app, 'u-2')).toEqual(WHOLE);
  await cancel(it, requestId, 'all');
  await eventually('restored in app', async () => !(await isHidden(it.app, 'u-2')).flagged);
  expect((await statusOf(it, requestId)).states).toEqual({ cancelling: 1 });
  it.faultsOf('two', 'crm').away.clear();
  expect(await ended(it, requestId)).toBe('cancelled');
  expect(await isHidden(it.crm, 'u-2')).toEqual({ flagged: false, hidden: false });
});
