import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { storeResolution } from '../../../db/resolution/resolve.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import type { Identity } from '../../../domain/identity.ts';
import {
  accept,
  allKnown,
  APP,
  applyVisibility,
  email,
  givenHiddenSubjects,
  ledger,
  match,
  named,
  POLICY,
  resolve,
  ROTATED,
  START,
  states,
  user,
} from '../../support/ledger.ts';

const world = await ledger();

const alias = (value: string): Identity => ({ type: 'alias', value: [value] });
const outcomes = async (requestId: string) =>
  (
    await world.sql<{ outcome: string | null; duplicateOf: number | null; reason: string | null }[]>`
      SELECT outcome, duplicate_of, reason FROM lethe.submitted_identities WHERE request_id = ${requestId} ORDER BY position`
  ).map(({ outcome, duplicateOf, reason }) =>
    [outcome, duplicateOf ?? reason].filter((part) => part !== null).join(' '),
  );
const identities = async (requestId: string) =>
  (
    await world.sql<{ seq: number; type: string; value: string[]; shared: boolean }[]>`
      SELECT seq, type, value, shared FROM lethe.subject_identities WHERE request_id = ${requestId} ORDER BY seq, type, value`
  ).map(({ seq, type, value, shared }) => `${seq} ${type} ${value.join('|')}${shared ? ' shared' : ''}`);

test('two names of one person are one subject, and the second is a duplicate of the first', async () => {
  const requestId = await accept(world, [user('a-1'), email('a-1@x.test')]);
  await resolve(world, requestId, [
    match(1, user('a-1')),
    match(2, user('a-1')),
    named(user('a-1'), email('a-1@x.test')),
  ]);
  expect(await outcomes(requestId)).toEqual(['matched', 'duplicate 1']);
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  expect(await identities(requestId)).toEqual(['1 email a-1@x.test', '1 user_id a-1']);
});

test('resolving twice is as once: same subjects, same generations, no second event', async () => {
  const requestId = await accept(world, [user('b-1'), user('b-2')]);
  const facts = allKnown([user('b-1'), user('b-2')]);
  await resolve(world, requestId, facts);
  const dump = () => world.sql`
    SELECT to_jsonb(subjects) AS row FROM lethe.subjects WHERE request_id = ${requestId}
    UNION ALL SELECT to_jsonb(named) FROM lethe.subject_identities named WHERE request_id = ${requestId}
    UNION ALL SELECT to_jsonb(audit) FROM lethe.audit_events audit WHERE request_id = ${requestId}`;
  const before = JSON.stringify(await dump());
  expect(await resolve(world, requestId, facts)).toMatchObject({ end: 'resolved', joined: 0, removed: 0 });
  expect(JSON.stringify(await dump())).toBe(before);
});

test('an alias stands for all its subjects; an e-mail that stands for two names nobody', async () => {
  const requestId = await accept(world, [alias('device'), email('home@x.test')]);
  await resolve(world, requestId, [
    match(1, user('c-1')),
    match(1, user('c-2')),
    match(2, user('c-3')),
    match(2, user('c-4')),
    named(user('c-3'), email('home@x.test'), 1),
  ]);
  expect(await outcomes(requestId)).toEqual(['matched', 'invalid ambiguous']);
  expect(await states(world, requestId)).toEqual({ resolved: 2 });
  expect((await identities(requestId)).join()).not.toContain('c-3');
});

test('a name that a bystander shares is told as shared; when both are asked for it is nobody’s bystander', async () => {
  const home = email('both@x.test');
  const one = await accept(world, [user('d-1')]);
  await resolve(world, one, [match(1, user('d-1')), named(user('d-1'), home, 1)]);
  expect(await identities(one)).toContain('1 email both@x.test shared');
  const both = await accept(world, [user('d-3'), user('d-4')]);
  const facts = [
    match(1, user('d-3')),
    match(2, user('d-4')),
    named(user('d-3'), home, 1),
    named(user('d-4'), home, 1),
  ];
  await resolve(world, both, facts);
  expect((await identities(both)).filter((text) => text.includes('shared'))).toEqual([]);
});

test.each([
  ['all of whom were asked for, stays with none of them', 12, false],
  ['of whom one was not asked for, is that one’s too', 13, true],
])('a name of many, %s', async (_claim, called, shared) => {
  const keys = Array.from({ length: 12 }, (_, n) => user(`many-${called}-${n}`));
  const requestId = await accept(world, keys);
  // Both facts about the first are the same name, and one person.
  const facts = [...keys, ...keys.slice(0, 1)].map((key) => named(key, alias('household'), called - 1));
  await resolve(world, requestId, [...allKnown(keys), ...facts]);
  const household = (await identities(requestId)).filter((text) => text.includes('household'));
  expect(household).toHaveLength(12);
  expect(household.filter((text) => text.endsWith('shared'))).toHaveLength(shared ? 12 : 0);
});

test('a name of which the directory says two numbers is taken for shared', async () => {
  const keys = [user('odd-1'), user('odd-2')];
  const requestId = await accept(world, keys);
  const facts = keys.map((key, n) => named(key, email('odd@x.test'), n));
  await resolve(world, requestId, [...allKnown(keys), ...facts]);
  expect((await identities(requestId)).filter((text) => text.endsWith('odd@x.test shared'))).toHaveLength(2);
});

test('who was taken back, or is another request’s, is somebody else: what is shared with them stays', async () => {
  const keys = ['1', '2', '3'].map((n) => user(`back-${n}`));
  const facts = [...allKnown(keys), ...keys.map((key) => named(key, alias('flat'), 2))];
  const first = await givenHiddenSubjects(world, keys);
  const shared = async (requestId: string) =>
    (await identities(requestId)).filter((text) => text.endsWith(' shared')).length;
  await resolve(world, first, facts);
  expect(await shared(first)).toBe(0);
  const second = await accept(world, [...keys.slice(2), user('back-4')]);
  const both = [...keys.slice(2), user('back-4')];
  await resolve(world, second, [...allKnown(both), ...both.map((key) => named(key, alias('loft'), 1))]);
  expect(await states(world, second)).toEqual({ attached: 1, resolved: 1 });
  expect(await shared(second)).toBe(2);
  await cancelRequest(world.database, POLICY.window, {
    requestId: first,
    positions: [3],
    actor: 'operator',
    at: START,
  });
  await resolve(world, first, facts);
  expect(await shared(first)).toBe(2);
});

test('a name that has gone to somebody else is no longer this subject’s', async () => {
  const requestId = await accept(world, [user('e-1')]);
  await resolve(world, requestId, [match(1, user('e-1')), named(user('e-1'), email('old@x.test'))]);
  await resolve(world, requestId, [match(1, user('e-1')), named(user('e-1'), email('new@x.test'))]);
  expect(await identities(requestId)).toEqual(['1 email new@x.test', '1 user_id e-1']);
});

test('who departs is taken back, who vanished from the directory is still owed', async () => {
  const requestId = await givenHiddenSubjects(world, [alias('f-a'), user('f-2')]);
  const moved = await resolve(world, requestId, [match(1, user('f-9'))]);
  expect(moved).toMatchObject({ joined: 1, removed: 1 });
  // f-a stood for itself before; f-2 is gone from the directory.
  expect(await states(world, requestId)).toEqual({ cancelling: 1, resolved: 1, soft_deleted: 1 });
});

test('growth beyond the bound changes nothing', async () => {
  const requestId = await accept(world, [alias('g')]);
  await resolve(world, requestId, [match(1, user('g-1'))]);
  const grown = [1, 2, 3].map((n) => match(1, user(`g-${n}`)));
  expect(await resolve(world, requestId, grown, { growth: () => 1 })).toEqual({ end: 'grew', joined: 2 });
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  await world.sql`UPDATE lethe.requests SET growth_accepted = true WHERE id = ${requestId}`;
  expect(await resolve(world, requestId, grown, { growth: () => 1 })).toMatchObject({ end: 'resolved', joined: 2 });
});

test('cancelled while the directory was being asked: nobody is made a subject', async () => {
  const requestId = await accept(world, [user('h-1'), user('h-2')]);
  const at = START;
  await cancelRequest(world.database, POLICY.window, { requestId, positions: [2], actor: 'operator', at });
  await resolve(world, requestId, allKnown([user('h-1'), user('h-2')]));
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  const whole = await accept(world, [user('h-3')]);
  await cancelRequest(world.database, POLICY.window, { requestId: whole, positions: 'all', actor: 'operator', at });
  expect(await resolve(world, whole, allKnown([user('h-3')]))).toEqual({ end: 'closed' });
  expect(await states(world, whole)).toEqual({});
});

test('a subject that another open deletion owns is attached, under a rotated key too', async () => {
  const first = await givenHiddenSubjects(world, [user('i-1')]);
  const second = await accept(world, [user('i-1')]);
  const pages = (async function* () {
    yield allKnown([user('i-1')]);
  })();
  await storeResolution(world.database, ROTATED, {
    request: await readRequestRow(world.database, second),
    facts: pages,
    systems: [APP],
    policy: POLICY,
    at: START,
    limit: null,
    growth: () => 1,
  });
  expect(await states(world, first)).toEqual({ soft_deleted: 1 });
  expect(await states(world, second)).toEqual({ attached: 1 });
  expect(await outcomes(second)).toEqual(['attached']);
});

test('a segment beyond the limit fails the request before anything is touched', async () => {
  const requestId = await accept(world, [], { selection: { by: 'segment', segment: 'leavers' } });
  const facts = [1, 2, 3].map((n) => match(null, user(`j-${n}`)));
  expect(await resolve(world, requestId, facts, { limit: 2 })).toEqual({ end: 'closed' });
  expect(await readRequestRow(world.database, requestId)).toMatchObject({ status: 'failed' });
  expect(await states(world, requestId)).toEqual({});
  expect(await outcomes(requestId)).toEqual([]);
});

test('the statements do not grow with the subjects, but for one page', async () => {
  const count = async (subjects: number): Promise<number> => {
    const ids = Array.from({ length: subjects }, (_, n) => user(`k-${subjects}-${n}`));
    const requestId = await accept(world, ids);
    const before = world.statements.length;
    await resolve(world, requestId, allKnown(ids));
    await applyVisibility(world, requestId);
    return world.statements.length - before;
  };
  const few = await count(2);
  // More rows: an index or two, and the planner is told.
  expect(await count(2_000)).toBeLessThanOrEqual(few + 4);
});
