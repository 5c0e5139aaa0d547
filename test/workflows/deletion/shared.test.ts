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

const inState = (requestId: string, state: 'soft_deleted' | 'attached') =>
  eventually(state, async () => (await statusOf(world, requestId)).states[state] === 1);

test('two requests for one subject: the second shares the outcome of the first', async () => {
  await addUser(world.app, 'u-1');
  const first = await submit(world, 'demo', [user('u-1')]);
  await inState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user('u-1')]);
  await inState(second, 'attached');
  expect(await ended(world, first)).toBe('completed');
  expect(await ended(world, second)).toBe('completed');
  expect(await rowsOf(world.app, 'u-1')).toEqual({});
  expect((await statusOf(world, second)).states).toEqual({ deleted: 1 });
});

test('the first cancelled on day 3: the subject stays hidden for the second, which deletes it in its own time', async () => {
  await addUser(world.app, 'u-2');
  const first = await submit(world, 'demo', [user('u-2')]);
  await inState(first, 'soft_deleted');
  await world.env.sleep('3 days');
  const second = await submit(world, 'demo', [user('u-2')]);
  await inState(second, 'attached');
  await cancel(world, first, 'all');
  await eventually('cancelled', async () => (await statusOf(world, first)).status === 'cancelled');
  await inState(second, 'soft_deleted');
  expect(await isHidden(world.app, 'u-2')).toEqual({ flagged: true, hidden: true });
  await world.env.sleep('12 days');
  expect(await rowsOf(world.app, 'u-2')).toEqual(ALL_ROWS);
  expect(await ended(world, second)).toBe('completed');
  expect(await rowsOf(world.app, 'u-2')).toEqual({});
});

test('both cancelled, one after the other: restored as if nobody had asked', async () => {
  await addUser(world.app, 'u-3');
  const first = await submit(world, 'demo', [user('u-3')]);
  await inState(first, 'soft_deleted');
  const second = await submit(world, 'demo', [user('u-3')]);
  await inState(second, 'attached');
  await cancel(world, first, 'all');
  await inState(second, 'soft_deleted');
  await cancel(world, second, 'all');
  expect(await endedInRealTime(world, first)).toBe('cancelled');
  expect(await endedInRealTime(world, second)).toBe('cancelled');
  expect(await isHidden(world.app, 'u-3')).toEqual({ flagged: false, hidden: false });
  expect(await rowsOf(world.app, 'u-3')).toEqual(ALL_ROWS);
  const [left] = await world.app`SELECT count(*)::integer AS tombstones FROM lethe_system.tombstones`;
  expect(left).toEqual({ tombstones: 0 });
});

test('a household’s e-mail names nobody alone: nobody is deleted by it, and by name only who is named', async () => {
  await addUser(world.app, 'ann', { email: 'home@example.test' });
  await addUser(world.app, 'bob', { email: 'Home@example.test' });
  const byEmail = await submit(world, 'demo', [{ type: 'email', value: ['home@example.test', 'berlin'] }]);
  expect(await ended(world, byEmail)).toBe('not_found');
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
  const [gone] =
    await world.app`SELECT count(*)::integer AS count FROM app.newsletter WHERE lower(email) = 'home@example.test'`;
  expect(gone).toEqual({ count: 0 });
});

test.each([
  ['of whom one was not asked for: what is kept under them stays', 11],
  ['all of whom were asked for: what is kept under them goes', 12],
])('a device and an address of twelve, %s', async (_claim, asked) => {
  const names = Array.from({ length: 12 }, (_, n) => `tv-${asked}-${n}`);
  const device = `device-${asked}`;
  for (const name of names) {
    await addUser(world.app, name, { email: `${device}@example.test` });
    await world.app`INSERT INTO app.aliases VALUES (${device}, ${name})`;
  }
  await addEvents(world.app, device, 2);
  const requestId = await submit(world, 'demo', names.slice(0, asked).map(user));
  expect(await ended(world, requestId)).toBe('completed');
  const { newsletter: _, ...own } = ALL_ROWS;
  const kept = await Promise.all(names.map((name) => rowsOf(world.app, name)));
  expect(kept).toEqual(names.map((_name, n) => (n < asked ? {} : own)));
  expect(await rowsOf(world.app, device)).toEqual(asked < 12 ? { events: 2, newsletter: 1 } : {});
  const [row] = await world.app`SELECT count(*)::integer AS links FROM app.aliases WHERE alias = ${device}`;
  expect(row).toEqual({ links: 12 - asked });
});
