import { readDeletionRow } from '../../../db/requests/row.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, WHOLE } from '../../support/world/people.ts';
import {
  cancel,
  ended,
  eventually,
  expedite,
  hold,
  nowOf,
  receiptOf,
  release,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/story.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { type World, world } from '../../support/world/world.ts';

let it: World;
beforeAll(async () => {
  it = await world(await timeSkipping(), { demo: {}, open: { policy: { window: null } } });
  await it.app`CREATE SEQUENCE app.test_events`;
});
afterAll(async () => it.close());

const softDeleted = (requestId: string, count = 1) =>
  eventually('soft-deleted', async () => (await statusOf(it, requestId)).states.soft_deleted === count);

test('hidden at once, deleted at the first 02:00 UTC after 14 days and not before', async () => {
  await addUser(it.app, 'u-1');
  await addUser(it.app, 'bystander');
  const requestId = await submit(it, 'demo', [user('u-1')]);
  await softDeleted(requestId);
  expect(await isHidden(it.app, 'u-1')).toEqual({ flagged: true, hidden: true });
  expect(await isHidden(it.app, 'bystander')).toEqual({ flagged: false, hidden: false });
  const { hardDeleteAt, receivedAt } = await readDeletionRow(it.database, requestId);
  expect(hardDeleteAt.getTime() % DAY_MS).toBe(2 * HOUR_MS);
  expect(hardDeleteAt.getTime() - receivedAt.getTime()).toBeGreaterThanOrEqual(14 * DAY_MS);
  expect(hardDeleteAt.getTime() - receivedAt.getTime()).toBeLessThan(15 * DAY_MS);
  await sleepUntil(it, new Date(hardDeleteAt.getTime() - 60_000));
  expect(await rowsOf(it.app, 'u-1')).toEqual(WHOLE);
  expect(it.faultsOf('demo').calls).not.toContain('hardDelete');
  await sleepUntil(it, new Date(hardDeleteAt.getTime() + 60_000));
  await eventually('deleted', async () => Object.keys(await rowsOf(it.app, 'u-1')).length === 0);
  await eventually('verifying', async () => (await statusOf(it, requestId)).status === 'verifying');
  expect(await ended(it, requestId)).toBe('completed');
  expect(await rowsOf(it.app, 'bystander')).toEqual(WHOLE);
  const receipt = await receiptOf(it, requestId);
  expect(receipt).toMatchObject({ status: 'completed', final: true, subjects: { deleted: 1 } });
  expect(receipt.processors).toMatchObject([{ processor: 'app', state: 'verified', survivors: 0 }]);
});

test('cancelled on day 3: restored, and nothing is ever deleted', async () => {
  await addUser(it.app, 'u-2');
  const requestId = await submit(it, 'demo', [user('u-2')]);
  await softDeleted(requestId);
  const deletions = it.faultsOf('demo').calls.filter((verb) => verb === 'hardDelete').length;
  await it.env.sleep('3 days');
  await cancel(it, requestId, 'all');
  expect(await ended(it, requestId)).toBe('cancelled');
  expect(await isHidden(it.app, 'u-2')).toEqual({ flagged: false, hidden: false });
  await it.env.sleep('30 days');
  expect(await rowsOf(it.app, 'u-2')).toEqual(WHOLE);
  expect(it.faultsOf('demo').calls.filter((verb) => verb === 'hardDelete')).toHaveLength(deletions);
});

test('held on day 10: not deleted on day 14, deleted after the release on day 40', async () => {
  await addUser(it.app, 'u-3');
  const requestId = await submit(it, 'demo', [user('u-3')]);
  await softDeleted(requestId);
  await it.env.sleep('10 days');
  const { id } = await hold(it, 'demo', [user('u-3')]);
  await it.env.sleep('30 days');
  expect(await rowsOf(it.app, 'u-3')).toEqual(WHOLE);
  expect(await isHidden(it.app, 'u-3')).toEqual({ flagged: true, hidden: true });
  const status = await statusOf(it, requestId);
  expect(status).toMatchObject({ status: 'grace', heldSubjects: 1 });
  const releasedAt = await nowOf(it);
  await release(it, 'demo', id);
  expect(await ended(it, requestId)).toBe('completed');
  expect(await rowsOf(it.app, 'u-3')).toEqual({});
  const [{ at } = { at: new Date(0) }] = await it.database<{ at: Date }[]>`
    SELECT claimed_at AS at FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(at.getTime()).toBeGreaterThan(releasedAt.getTime());
  expect(at.getTime() - releasedAt.getTime()).toBeLessThan(DAY_MS + HOUR_MS);
});

test('held without a run window: no timer and no loop until the release', async () => {
  await addUser(it.app, 'u-4');
  const requestId = await submit(it, 'open', [user('u-4')]);
  await softDeleted(requestId);
  const { id } = await hold(it, 'open', [user('u-4')]);
  await it.env.sleep('14 days');
  const before = it.statements.length;
  await it.env.sleep('15 days');
  expect(it.statements.length - before).toBe(0);
  expect(await rowsOf(it.app, 'u-4')).toEqual(WHOLE);
  await release(it, 'open', id);
  expect(await ended(it, requestId)).toBe('completed');
  expect(await rowsOf(it.app, 'u-4')).toEqual({});
});

test('expedited on day 1: deleted at once, with its reason in the audit trail', async () => {
  await addUser(it.app, 'u-5');
  const requestId = await submit(it, 'demo', [user('u-5')]);
  await softDeleted(requestId);
  await it.env.sleep('1 day');
  await expedite(it, requestId, 'now');
  await eventually('deleted', async () => Object.keys(await rowsOf(it.app, 'u-5')).length === 0);
  expect(await ended(it, requestId)).toBe('completed');
  const audit = await it.database<
    { action: string }[]
  >`SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`;
  expect(audit.map(({ action }) => action)).toContain('request.expedited');
});

test('nothing anywhere: not_found, with a receipt, and nobody is hidden', async () => {
  const requestId = await submit(it, 'demo', [user('nobody')]);
  expect(await ended(it, requestId)).toBe('not_found');
  expect(await isHidden(it.app, 'nobody')).toEqual({ flagged: false, hidden: false });
  expect(await receiptOf(it, requestId)).toMatchObject({
    status: 'not_found',
    final: true,
    outcomes: { not_found: 1 },
  });
});
