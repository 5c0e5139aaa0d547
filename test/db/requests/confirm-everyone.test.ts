import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { storeCount } from '../../../db/resolution/counts.ts';
import { storeResolution } from '../../../db/resolution/resolve.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import type { Identity, Resolved } from '../../../domain/identity.ts';
import {
  accept,
  APP,
  applyVisibility,
  awaiting,
  days,
  email,
  KEYS,
  ledger,
  match,
  named,
  pagesOf,
  POLICY,
  reconcileAt,
  resolve,
  ROTATED,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { confirm } from './confirming.ts';

const world = await ledger();

/** Everyone of `keys` but `except`, of whom the directory says `said`. */
async function everyone(
  keys: readonly Identity[],
  except: readonly Identity[],
  said: readonly Resolved[],
  more: readonly Resolved[] = [],
) {
  const requestId = await accept(world, [], { confirm: true, selection: { by: 'everyone', except } });
  const facts = [...keys.map((key) => match(null, key)), ...more];
  await resolve(world, requestId, facts, { excepted: pagesOf(said) });
  await storeCount(world.database, { requestId, system: 'app' }, {});
  await reconcileAt(world, requestId, START);
  return requestId;
}
const keysOf = async (requestId: string): Promise<readonly string[]> =>
  (
    await world.sql<{ value: string[] }[]>`
      SELECT value FROM lethe.subject_identities WHERE request_id = ${requestId} AND origin = 'key' ORDER BY seq`
  ).map(({ value }) => value.join());

test('everyone but: all whom an exception may mean are excluded, and their identities go at once', async () => {
  const keys = ['1', '2', '3', '4', '5'].map((n) => user(`all-${n}`));
  const [one = user(''), two = user('')] = keys;
  // An address of two people keeps both.
  const said = [match(1, user('all-4')), match(2, one), match(2, two), named(one, email('home@x.test'))];
  const more = [
    named(user('all-3'), email('home@x.test')),
    named(user('all-5'), email('five@x.test')),
    named(one, email('home@x.test')),
  ];
  const requestId = await everyone(keys, [user('all-4'), email('home@x.test')], said, more);
  expect(await keysOf(requestId)).toEqual(['all-3', 'all-5']);
  const called =
    await world.sql`SELECT value, shared FROM lethe.subject_identities WHERE request_id = ${requestId} AND type = 'email' ORDER BY value`;
  // What one who is excluded is called as well stays, though the directory did not say with whom it is shared.
  expect(called).toEqual([
    { value: ['five@x.test'], shared: false },
    { value: ['home@x.test'], shared: true },
  ]);
  const excepted =
    await world.sql`SELECT number, value, matched FROM lethe.excepted_identities WHERE request_id = ${requestId} ORDER BY number`;
  expect(excepted).toEqual([
    { number: 1, value: null, matched: true },
    { number: 2, value: null, matched: true },
  ]);
  expect(await readRequestRow(world.database, requestId)).toMatchObject({ submitted: 2 });
});

test('before the claim the excluded do not join, under whatever key the digests are then', async () => {
  const requestId = await everyone([user('k-1'), user('k-2')], [user('k-2')], [match(1, user('k-2'))]);
  await confirm(world, requestId, 1);
  await applyVisibility(world, requestId);
  // Whatever the directory now says of the one who was taken.
  const facts = [match(1, user('k-2')), named(user('k-2'), email('both@x.test'))];
  for (const keys of [KEYS, ROTATED]) {
    const end = await storeResolution(world.database, keys, {
      request: await readRequestRow(world.database, requestId),
      facts: pagesOf(facts),
      systems: [APP],
      policy: POLICY,
      at: days(14),
      limit: null,
      growth: () => 10,
    });
    expect(end).toMatchObject({ end: 'resolved', joined: 0, removed: 0 });
  }
  expect(await states(world, requestId)).toEqual({ soft_deleted: 1 });
});

test('an exception that matched nobody has to be accepted as such', async () => {
  const requestId = await everyone([user('u-1')], [user('u-0'), user('typo')], [match(1, user('u-0'))]);
  await expect(confirm(world, requestId, 1)).rejects.toMatchObject({
    code: 'unmatched_exceptions',
    details: { positions: [2] },
  });
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  await confirm(world, requestId, 1, { acceptUnmatched: true });
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
});

test('everyone is confirmed by an owner, and not by who submitted it; anything else by any member', async () => {
  const requestId = await everyone([user('o-1')], [], []);
  for (const by of [
    { memberId: 'operator', role: 'owner' },
    { memberId: 'mem_admin', role: 'admin' },
  ] as const)
    await expect(confirm(world, requestId, 1, { by })).rejects.toMatchObject({ code: 'needs_another_owner' });
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  await confirm(world, requestId, 1);
  const some = await awaiting(world, [user('o-2')]);
  await confirm(world, some, 1, { by: { memberId: 'operator', role: 'admin' } });
  expect(await states(world, some)).toEqual({ resolved: 1 });
});

test('what is kept of the excluded goes with the request', async () => {
  const early = await accept(world, [], { confirm: true, selection: { by: 'everyone', except: [user('s-1')] } });
  const late = await everyone([user('s-2')], [user('s-1')], [match(1, user('s-1'))]);
  for (const requestId of [early, late]) {
    await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'a', at: START });
    await conclude(world.database, { requestId, at: new Date(START.getTime() + DAY_MS) });
    const [left] = await world.sql`
      SELECT (SELECT count(value) FROM lethe.excepted_identities WHERE request_id = ${requestId}) AS values,
             (SELECT count(*) FROM lethe.excepted_digests WHERE request_id = ${requestId}) AS digests`;
    expect(left).toEqual({ values: 0, digests: 0 });
  }
});

test('a segment, or everyone, called off before anybody is known: cancelled, for nobody was looked for', async () => {
  for (const selection of [
    { by: 'segment', segment: 'dormant' },
    { by: 'everyone', except: [] },
  ] as const) {
    const requestId = await accept(world, [], { confirm: true, selection });
    await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'a', at: START });
    expect(await conclude(world.database, { requestId, at: START })).toEqual({ status: 'cancelled' });
    expect(await states(world, requestId)).toEqual({});
  }
});
