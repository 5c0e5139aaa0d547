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
  identityFact,
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

test('resolves two identities of one subject to one subject and a duplicate', async () => {
  const requestId = await accept(world, [user('a-1'), email('a-1@x.test')]);
  await resolve(world, requestId, [
    match(1, user('a-1')),
    match(2, user('a-1')),
    identityFact(user('a-1'), email('a-1@x.test')),
  ]);
  expect(await outcomes(requestId)).toEqual(['matched', 'duplicate 1']);
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  expect(await identities(requestId)).toEqual(['1 email a-1@x.test', '1 user_id a-1']);
});

test('is idempotent with the same subjects, generations and audit events when resolved twice', async () => {
  const requestId = await accept(world, [user('b-1'), user('b-2')]);
  const facts = allKnown([user('b-1'), user('b-2')]);
  await resolve(world, requestId, facts);
  const dump = () => world.sql`
    SELECT to_jsonb(subjects) AS row FROM lethe.subjects WHERE request_id = ${requestId}
    UNION ALL SELECT to_jsonb(identity) FROM lethe.subject_identities identity WHERE request_id = ${requestId}
    UNION ALL SELECT to_jsonb(audit) FROM lethe.audit_events audit WHERE request_id = ${requestId}`;
  const before = JSON.stringify(await dump());
  expect(await resolve(world, requestId, facts)).toMatchObject({ end: 'resolved', added: 0, removed: 0 });
  expect(JSON.stringify(await dump())).toBe(before);
});

test('matches all subjects of an alias, and rejects an email address of two subjects as ambiguous', async () => {
  const requestId = await accept(world, [alias('device'), email('home@x.test')]);
  await resolve(world, requestId, [
    match(1, user('c-1')),
    match(1, user('c-2')),
    match(2, user('c-3')),
    match(2, user('c-4')),
    identityFact(user('c-3'), email('home@x.test'), 1),
  ]);
  expect(await outcomes(requestId)).toEqual(['matched', 'invalid ambiguous']);
  expect(await states(world, requestId)).toEqual({ resolved: 2 });
  expect((await identities(requestId)).join()).not.toContain('c-3');
});

test('marks an identity as shared unless the request contains every subject that has it', async () => {
  const home = email('both@x.test');
  const single = await accept(world, [user('d-1')]);
  await resolve(world, single, [match(1, user('d-1')), identityFact(user('d-1'), home, 1)]);
  expect(await identities(single)).toContain('1 email both@x.test shared');
  const both = await accept(world, [user('d-3'), user('d-4')]);
  const facts = [
    match(1, user('d-3')),
    match(2, user('d-4')),
    identityFact(user('d-3'), home, 1),
    identityFact(user('d-4'), home, 1),
  ];
  await resolve(world, both, facts);
  expect((await identities(both)).filter((text) => text.includes('shared'))).toEqual([]);
});

test.each([
  ['contains all of them', 12, false],
  ['lacks one of them', 13, true],
])('checks whether an identity of many subjects is shared when the request %s', async (_case, owners, shared) => {
  const keys = Array.from({ length: 12 }, (_, n) => user(`many-${owners}-${n}`));
  const requestId = await accept(world, keys);
  // Two facts give the first subject the same identity, which counts once.
  const facts = [...keys, ...keys.slice(0, 1)].map((key) => identityFact(key, alias('household'), owners - 1));
  await resolve(world, requestId, [...allKnown(keys), ...facts]);
  const household = (await identities(requestId)).filter((text) => text.includes('household'));
  expect(household).toHaveLength(12);
  expect(household.filter((text) => text.endsWith('shared'))).toHaveLength(shared ? 12 : 0);
});

test('marks an identity as shared when the directory reports contradicting numbers of sharers', async () => {
  const keys = [user('odd-1'), user('odd-2')];
  const requestId = await accept(world, keys);
  const facts = keys.map((key, n) => identityFact(key, email('odd@x.test'), n));
  await resolve(world, requestId, [...allKnown(keys), ...facts]);
  expect((await identities(requestId)).filter((text) => text.endsWith('odd@x.test shared'))).toHaveLength(2);
});

test('marks identities as shared when a subject that has them is cancelled or owned by another request', async () => {
  const keys = ['1', '2', '3'].map((n) => user(`back-${n}`));
  const facts = [...allKnown(keys), ...keys.map((key) => identityFact(key, alias('flat'), 2))];
  const first = await givenHiddenSubjects(world, keys);
  const countShared = async (requestId: string) =>
    (await identities(requestId)).filter((text) => text.endsWith(' shared')).length;
  await resolve(world, first, facts);
  expect(await countShared(first)).toBe(0);
  const second = await accept(world, [...keys.slice(2), user('back-4')]);
  const secondKeys = [...keys.slice(2), user('back-4')];
  await resolve(world, second, [
    ...allKnown(secondKeys),
    ...secondKeys.map((key) => identityFact(key, alias('loft'), 1)),
  ]);
  expect(await states(world, second)).toEqual({ attached: 1, resolved: 1 });
  expect(await countShared(second)).toBe(2);
  await cancelRequest(world.database, POLICY.window, {
    requestId: first,
    positions: [3],
    actor: 'operator',
    at: START,
  });
  await resolve(world, first, facts);
  expect(await countShared(first)).toBe(2);
});

test('replaces the identities of a subject when it is resolved again', async () => {
  const requestId = await accept(world, [user('e-1')]);
  await resolve(world, requestId, [match(1, user('e-1')), identityFact(user('e-1'), email('old@x.test'))]);
  await resolve(world, requestId, [match(1, user('e-1')), identityFact(user('e-1'), email('new@x.test'))]);
  expect(await identities(requestId)).toEqual(['1 email new@x.test', '1 user_id e-1']);
});

test('cancels a subject that no longer matches, and keeps one that is missing from the directory', async () => {
  const requestId = await givenHiddenSubjects(world, [alias('f-a'), user('f-2')]);
  const moved = await resolve(world, requestId, [match(1, user('f-9'))]);
  expect(moved).toMatchObject({ added: 1, removed: 1 });
  // The alias f-a matches f-9 instead of a subject of its own; f-2 is missing from the directory.
  expect(await states(world, requestId)).toEqual({ cancelling: 1, resolved: 1, soft_deleted: 1 });
});

test('changes nothing when more subjects are added than the growth limit allows', async () => {
  const requestId = await accept(world, [alias('g')]);
  await resolve(world, requestId, [match(1, user('g-1'))]);
  const grown = [1, 2, 3].map((n) => match(1, user(`g-${n}`)));
  expect(await resolve(world, requestId, grown, { growth: () => 1 })).toEqual({ end: 'grew', added: 2 });
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  await world.sql`UPDATE lethe.requests SET growth_accepted = true WHERE id = ${requestId}`;
  expect(await resolve(world, requestId, grown, { growth: () => 1 })).toMatchObject({ end: 'resolved', added: 2 });
});

test('does not create subjects for positions that are cancelled while the directory answers', async () => {
  const requestId = await accept(world, [user('h-1'), user('h-2')]);
  const at = START;
  await cancelRequest(world.database, POLICY.window, { requestId, positions: [2], actor: 'operator', at });
  await resolve(world, requestId, allKnown([user('h-1'), user('h-2')]));
  expect(await states(world, requestId)).toEqual({ resolved: 1 });
  const cancelledRequest = await accept(world, [user('h-3')]);
  await cancelRequest(world.database, POLICY.window, {
    requestId: cancelledRequest,
    positions: 'all',
    actor: 'operator',
    at,
  });
  expect(await resolve(world, cancelledRequest, allKnown([user('h-3')]))).toEqual({ end: 'closed' });
  expect(await states(world, cancelledRequest)).toEqual({});
});

test('attaches a subject that another open deletion owns, also after the digest keys are rotated', async () => {
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
    types: APP.identityTypes.user ?? {},
    at: START,
    limit: null,
    growth: () => 1,
  });
  expect(await states(world, first)).toEqual({ soft_deleted: 1 });
  expect(await states(world, second)).toEqual({ attached: 1 });
  expect(await outcomes(second)).toEqual(['attached']);
});

test('fails the request without subjects when a segment exceeds the limit', async () => {
  const requestId = await accept(world, [], { selection: { by: 'segment', segment: 'leavers' } });
  const facts = [1, 2, 3].map((n) => match(null, user(`j-${n}`)));
  expect(await resolve(world, requestId, facts, { limit: 2 })).toEqual({ end: 'closed' });
  expect(await readRequestRow(world.database, requestId)).toMatchObject({ status: 'failed' });
  expect(await states(world, requestId)).toEqual({});
  expect(await outcomes(requestId)).toEqual([]);
});

test('sends at most four more statements for 2 000 subjects than for 2', async () => {
  const count = async (subjects: number): Promise<number> => {
    const ids = Array.from({ length: subjects }, (_, n) => user(`k-${subjects}-${n}`));
    const requestId = await accept(world, ids);
    const before = world.statements.length;
    await resolve(world, requestId, allKnown(ids));
    await applyVisibility(world, requestId);
    return world.statements.length - before;
  };
  const few = await count(2);
  // More rows need indexes and statistics of the stage.
  expect(await count(2_000)).toBeLessThanOrEqual(few + 4);
});
