import { afterAll, beforeAll, expect, test } from 'vitest';
import { user } from '../../support/ledger.ts';
import { addEvents, addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import { cancel, ended, endedInRealTime, eventually, statusOf, submit } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), { demo: {} });
});
afterAll(async () => world.close());

const waitForState = (requestId: string, state: 'soft_deleted' | 'attached') =>
  eventually(state, async () => (await statusOf(world, requestId)).states[state] === 1);

test('gives a second request for the same subject the outcome of the first', async () => {
  await addUser(world.app, 'u-1');
  const first = await submit(world, 'demo', [user('u-1')]);
  await waitForState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user('u-1')]);
  await waitForState(second, 'attached');
  expect(await ended(world, first)).toBe('completed');
  expect(await ended(world, second)).toBe('completed');
  expect(await rowsOf(world.app, 'u-1')).toEqual({});
  expect((await statusOf(world, second)).states).toEqual({ deleted: 1 });
});

test('keeps the subject hidden for the second request when the first is cancelled, and deletes it at the second’s run', async () => {
  await addUser(world.app, 'u-2');
  const first = await submit(world, 'demo', [user('u-2')]);
  await waitForState(first, 'soft_deleted');
  await world.env.sleep('3 days');
  const second = await submit(world, 'demo', [user('u-2')]);
  await waitForState(second, 'attached');
  await cancel(world, first, 'all');
  await eventually('cancelled', async () => (await statusOf(world, first)).status === 'cancelled');
  await waitForState(second, 'soft_deleted');
  expect(await isHidden(world.app, 'u-2')).toEqual({ flagged: true, hidden: true });
  await world.env.sleep('12 days');
  expect(await rowsOf(world.app, 'u-2')).toEqual(ALL_ROWS);
  expect(await ended(world, second)).toBe('completed');
  expect(await rowsOf(world.app, 'u-2')).toEqual({});
});

test('restores the subject without a tombstone when both requests are cancelled', async () => {
  await addUser(world.app, 'u-3');
  const first = await submit(world, 'demo', [user('u-3')]);
  await waitForState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user('u-3')]);
  await waitForState(second, 'attached');
  await cancel(world, first, 'all');
  await waitForState(second, 'soft_deleted');
  await cancel(world, second, 'all');
  expect(await endedInRealTime(world, first)).toBe('cancelled');
  expect(await endedInRealTime(world, second)).toBe('cancelled');
  expect(await isHidden(world.app, 'u-3')).toEqual({ flagged: false, hidden: false });
  expect(await rowsOf(world.app, 'u-3')).toEqual(ALL_ROWS);
  const [left] = await world.app`SELECT count(*)::integer AS tombstones FROM lethe_system.tombstones`;
  expect(left).toEqual({ tombstones: 0 });
});

test('deletes no subject by an email address that two users share, and keeps its rows until both are deleted', async () => {
  await addUser(world.app, 'ann', { email: 'home@example.test' });
  await addUser(world.app, 'bob', { email: 'Home@example.test' });
  const byEmail = await submit(world, 'demo', [{ type: 'email', value: ['home@example.test', 'berlin'] }]);
  expect(await ended(world, byEmail)).toBe('failed');
  const [row] = await world.sql`SELECT outcome, reason FROM lethe.submitted_identities WHERE request_id = ${byEmail}`;
  expect(row).toMatchObject({ outcome: 'invalid', reason: 'ambiguous' });
  const byName = await submit(world, 'demo', [user('ann')]);
  expect(await ended(world, byName)).toBe('completed');
  expect(await rowsOf(world.app, 'ann')).toEqual({});
  expect(await rowsOf(world.app, 'bob')).toMatchObject({ users: 1, events: 3, orders: 1 });
  const [mail] =
    await world.app`SELECT count(*)::integer AS count FROM app.newsletter WHERE lower(email) = 'home@example.test'`;
  expect(mail).toEqual({ count: 2 });
  const both = await submit(world, 'demo', [user('bob')]);
  expect(await ended(world, both)).toBe('completed');
  const [after] =
    await world.app`SELECT count(*)::integer AS count FROM app.newsletter WHERE lower(email) = 'home@example.test'`;
  expect(after).toEqual({ count: 0 });
});

const SHARERS = 12;
const { newsletter: _, ...OWN_ROWS } = ALL_ROWS;

test('keeps the rows of a shared device and address when one of its users is not deleted', async () => {
  const remaining = await deleteSharers(SHARERS - 1);
  expect(remaining.users).toEqual([...Array.from({ length: SHARERS - 1 }, () => ({})), OWN_ROWS]);
  expect(remaining.device).toEqual({ events: 2, newsletter: 1 });
  expect(remaining.aliases).toBe(1);
});

test('deletes the rows of a shared device and address when all of its users are deleted', async () => {
  const remaining = await deleteSharers(SHARERS);
  expect(remaining.users).toEqual(Array.from({ length: SHARERS }, () => ({})));
  expect(remaining.device).toEqual({});
  expect(remaining.aliases).toBe(0);
});

/** Deletes this number of the users who share a device and an address. Returns the rows that are left. */
async function deleteSharers(deleted: number) {
  const names = Array.from({ length: SHARERS }, (_name, n) => `tv-${deleted}-${n}`);
  const device = `device-${deleted}`;
  for (const name of names) {
    await addUser(world.app, name, { email: `${device}@example.test` });
    await world.app`INSERT INTO app.aliases VALUES (${device}, ${name})`;
  }
  await addEvents(world.app, device, 2);
  const requestId = await submit(world, 'demo', names.slice(0, deleted).map(user));
  expect(await ended(world, requestId)).toBe('completed');
  const [row] = await world.app<
    { aliases: number }[]
  >`SELECT count(*)::integer AS aliases FROM app.aliases WHERE alias = ${device}`;
  return {
    users: await Promise.all(names.map((name) => rowsOf(world.app, name))),
    device: await rowsOf(world.app, device),
    aliases: row?.aliases,
  };
}
