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
  givenAwaitingConfirmation,
  days,
  email,
  KEYS,
  ledger,
  match,
  identityFact,
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

/**
 * A counted deletion of everyone. The directory knows the subjects `keys` and answers `excepted` about the exceptions.
 */
async function givenCountedEveryone(
  keys: readonly Identity[],
  except: readonly Identity[],
  excepted: readonly Resolved[],
  identityFacts: readonly Resolved[] = [],
) {
  const requestId = await accept(world, [], { confirm: true, selection: { by: 'everyone', except } });
  const facts = [...keys.map((key) => match(null, key)), ...identityFacts];
  await resolve(world, requestId, facts, { excepted: pagesOf(excepted) });
  await storeCount(world.database, { requestId, system: 'app' }, {});
  await reconcileAt(world, requestId, START);
  return requestId;
}
const keysOf = async (requestId: string): Promise<readonly string[]> =>
  (
    await world.sql<{ value: string[] }[]>`
      SELECT value FROM lethe.subject_identities WHERE request_id = ${requestId} AND origin = 'key' ORDER BY seq`
  ).map(({ value }) => value.join());

test('excludes every subject that an exception matches and erases the exceptions when resolved', async () => {
  const keys = ['1', '2', '3', '4', '5'].map((n) => user(`all-${n}`));
  const [first = user(''), second = user('')] = keys;
  // An address that two subjects share excludes both.
  const excepted = [
    match(1, user('all-4')),
    match(2, first),
    match(2, second),
    identityFact(first, email('home@x.test')),
  ];
  const identityFacts = [
    identityFact(user('all-3'), email('home@x.test')),
    identityFact(user('all-5'), email('five@x.test')),
    identityFact(first, email('home@x.test')),
  ];
  const requestId = await givenCountedEveryone(keys, [user('all-4'), email('home@x.test')], excepted, identityFacts);
  expect(await keysOf(requestId)).toEqual(['all-3', 'all-5']);
  const emails =
    await world.sql`SELECT value, shared FROM lethe.subject_identities WHERE request_id = ${requestId} AND type = 'email' ORDER BY value`;
  // An identity that an excluded subject has too is shared, also if the directory reports no sharers.
  expect(emails).toEqual([
    { value: ['five@x.test'], shared: false },
    { value: ['home@x.test'], shared: true },
  ]);
  const stored =
    await world.sql`SELECT number, value, matched FROM lethe.excepted_identities WHERE request_id = ${requestId} ORDER BY number`;
  expect(stored).toEqual([
    { number: 1, value: null, matched: true },
    { number: 2, value: null, matched: true },
  ]);
  expect(await readRequestRow(world.database, requestId)).toMatchObject({ submitted: 2 });
});

test('does not add excluded subjects before the claim, also after the digest keys are rotated', async () => {
  const requestId = await givenCountedEveryone([user('k-1'), user('k-2')], [user('k-2')], [match(1, user('k-2'))]);
  await confirm(world, requestId, 1);
  await applyVisibility(world, requestId);
  // The directory now returns the excluded subject for the position of another.
  const facts = [match(1, user('k-2')), identityFact(user('k-2'), email('both@x.test'))];
  for (const keys of [KEYS, ROTATED]) {
    const end = await storeResolution(world.database, keys, {
      request: await readRequestRow(world.database, requestId),
      facts: pagesOf(facts),
      systems: [APP],
      policy: POLICY,
      types: APP.identityTypes.user ?? {},
      at: days(14),
      limit: null,
      growth: () => 10,
    });
    expect(end).toMatchObject({ end: 'resolved', added: 0, removed: 0 });
  }
  expect(await states(world, requestId)).toEqual({ soft_deleted: 1 });
});

test('rejects the confirmation when an exception matched no subject, unless the caller accepts it', async () => {
  const requestId = await givenCountedEveryone([user('u-1')], [user('u-0'), user('typo')], [match(1, user('u-0'))]);
  await expect(confirm(world, requestId, 1)).rejects.toMatchObject({
    code: 'unmatched_exceptions',
    details: { positions: [2] },
  });
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  await confirm(world, requestId, 1, { acceptUnmatched: true });
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
});

test('requires another owner to confirm everyone, and any member to confirm other selections', async () => {
  const requestId = await givenCountedEveryone([user('o-1')], [], []);
  for (const by of [
    { memberId: 'operator', role: 'owner' },
    { memberId: 'mem_admin', role: 'admin' },
  ] as const)
    await expect(confirm(world, requestId, 1, { by })).rejects.toMatchObject({ code: 'needs_another_owner' });
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  await confirm(world, requestId, 1);
  const selected = await givenAwaitingConfirmation(world, [user('o-2')]);
  await confirm(world, selected, 1, { by: { memberId: 'operator', role: 'admin' } });
  expect(await states(world, selected)).toEqual({ resolved: 1 });
});

test('purges exceptions and their digests when the request is concluded', async () => {
  const unresolved = await accept(world, [], { confirm: true, selection: { by: 'everyone', except: [user('s-1')] } });
  const resolved = await givenCountedEveryone([user('s-2')], [user('s-1')], [match(1, user('s-1'))]);
  for (const requestId of [unresolved, resolved]) {
    await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'a', at: START });
    await conclude(world.database, { requestId, at: new Date(START.getTime() + DAY_MS) });
    const [remaining] = await world.sql`
      SELECT (SELECT count(value) FROM lethe.excepted_identities WHERE request_id = ${requestId}) AS values,
             (SELECT count(*) FROM lethe.excepted_digests WHERE request_id = ${requestId}) AS digests`;
    expect(remaining).toEqual({ values: 0, digests: 0 });
  }
});

test('ends as cancelled when a segment or everyone is cancelled before it is resolved', async () => {
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
