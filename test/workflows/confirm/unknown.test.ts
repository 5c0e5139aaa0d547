import { expect, test } from 'vitest';
import { skipSystem } from '../../../db/attention/retry.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import { ended, eventually, nowOf, skippingUntil, statusOf } from '../../support/world/actions.ts';
import { waitForConfirmationStage } from '../../support/world/operator.ts';
import { addUser, rowsOf } from '../../support/world/users.ts';
import { withWorld } from '../../support/world/world.ts';
import { checksumsOfAll, countLetheRows, NO_LETHE_ROWS } from '../application.ts';
import { callers } from './confirming.ts';

const policy = { callsPerMinute: 1_000_000 };
const world = await withWorld({ demo: { crm: true, policy }, unverifiable: { policy } });
const api = await callers(world);

const create = (...values: string[]) =>
  api.create('cid', { kind: 'user', identities: values.map((value) => ({ type: 'user_id', value })) });
const outcomesOf = async (requestId: string) =>
  (await listSubjects(world.database, { requestId, project: 'demo', after: 0, limit: 10 })).map(
    ({ outcome }) => outcome,
  );
const actionsOf = async (requestId: string) => {
  const rows = await world.sql<
    { action: string }[]
  >`SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`;
  return rows.map(({ action }) => action);
};
const untilCrmFails = (requestId: string) =>
  skippingUntil(world, 'attention', async () => (await statusOf(world, requestId)).attention.length > 0);

test('reports an identity that no system holds as not_found before the confirmation, and confirms only the others', async () => {
  await addUser(world.crm, 'only-crm');
  const id = await create('only-crm', 'nowhere');
  await waitForConfirmationStage(world, id);
  const { confirmation } = await api.read(id);
  const threeEvents = expect.arrayContaining([{ table: 'app.events', rows: 3 }]);
  expect(confirmation).toMatchObject({
    subjects: 1,
    counts: [{ system: 'app' }, { system: 'crm', tables: threeEvents }],
  });
  expect(await outcomesOf(id)).toEqual(['matched', 'not_found']);
  expect(await api.confirm('cid', id, 2)).toMatchObject({ status: 409, json: { code: 'count_moved', subjects: 1 } });
  expect(await api.confirm('cid', id, 1)).toMatchObject({ status: 202, json: { subjects: 1 } });
  expect(await ended(world, id)).toBe('completed');
  expect(await outcomesOf(id)).toEqual(['deleted', 'not_found']);
  // The newsletter row stays, since only the directory could have returned the address.
  expect(await rowsOf(world.crm, 'only-crm')).toEqual({ newsletter: 1 });
});

test('reports an identity as unknown and opens no confirmation while a system cannot be searched, then ends as not_found', async () => {
  const before = await checksumsOfAll(world);
  world.faultsOf('demo', 'crm').away.add('count');
  const id = await create('absent');
  await untilCrmFails(id);
  expect(await api.read(id)).toMatchObject({
    status: 'resolving',
    attention: [{ system: 'crm', step: 'resolve', code: 'system_unavailable' }],
    confirmation: { until: null, subjects: null, counts: [] },
  });
  expect(await outcomesOf(id)).toEqual(['unknown']);
  expect(await api.confirm('cid', id, 1)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  world.clearAllFaults();
  expect(await ended(world, id)).toBe('not_found');
  expect(await outcomesOf(id)).toEqual(['not_found']);
  expect(await actionsOf(id)).not.toContain('confirmation.asked');
  expect(await checksumsOfAll(world)).toEqual(before);
  expect([await countLetheRows(world.app), await countLetheRows(world.crm)]).toEqual([NO_LETHE_ROWS, NO_LETHE_ROWS]);
});

test('decides without a system that an owner skips while it cannot be searched', async () => {
  world.faultsOf('demo', 'crm').away.add('count');
  const id = await create('also-absent');
  await untilCrmFails(id);
  const at = await nowOf(world);
  const reason = 'retired';
  const { wake } = await skipSystem(world.database, { requestId: id, system: 'crm', reason, actor: 'ann', at });
  await world.orchestrator.signalRequests(wake);
  await skippingUntil(world, 'ended', async () => (await statusOf(world, id)).status === 'not_found');
  expect(await outcomesOf(id)).toEqual(['not_found']);
});

test('asks only for the subjects that exist when some of the identities belong to no subject', async () => {
  await addUser(world.app, 'here');
  const id = await create('here', 'not-here');
  await waitForConfirmationStage(world, id);
  expect(await api.read(id)).toMatchObject({ confirmation: { subjects: 1 }, subjects: { states: { proposed: 1 } } });
  await api.call('cid', 'POST', `/v1/requests/${id}/cancel`, {});
  await eventually('ended', async () => (await statusOf(world, id)).status === 'cancelled');
  expect(await outcomesOf(id)).toEqual(['cancelled', 'not_found']);
});
