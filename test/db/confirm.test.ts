import { createSecretKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelSubjects } from '../../db/cancel.ts';
import { conclude } from '../../db/conclude.ts';
import { confirmRequest } from '../../db/confirm.ts';
import { ownedPositions } from '../../db/conflicts.ts';
import { storeCount } from '../../db/counts.ts';
import { expediteRequest } from '../../db/expedite.ts';
import { placeHold } from '../../db/holds.ts';
import { transaction } from '../../db/transaction.ts';
import { underProjectLock } from '../../db/project-lock.ts';
import { storeResolution } from '../../db/resolution.ts';
import { readDeletionRow, readRequestRow } from '../../db/request-row.ts';
import type { Project } from '../../domain/catalog.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Identity } from '../../domain/identity.ts';
import { newId } from '../../domain/ids.ts';
import type { Resolved } from '../../domain/resolved.ts';
import {
  accept,
  allKnown,
  APP,
  awaiting,
  days,
  email,
  follow,
  hidden,
  KEYS,
  type Ledger,
  ledger,
  lookAt,
  match,
  named,
  POLICY,
  PROJECT,
  resolve,
  START,
  states,
  submitted,
  user,
} from '../support/ledger.ts';

let it: Ledger;
beforeAll(async () => {
  it = await ledger();
});
afterAll(async () => it.closeLedger());

const PROJECT_ENTRY: Project = { name: PROJECT, policy: POLICY, directory: 'app', processors: [APP] };
const confirm = (
  requestId: string,
  expectedCount: number,
  changes: Partial<Parameters<typeof confirmRequest>[2]> = {},
) =>
  underProjectLock(it.database, PROJECT, (tx) =>
    confirmRequest(tx, PROJECT_ENTRY, {
      requestId,
      expectedCount,
      acceptUnmatched: false,
      by: { memberId: 'mem_other', role: 'owner' },
      at: START,
      ...changes,
    }),
  );
const audit = async (requestId: string): Promise<readonly string[]> =>
  (
    await it.database<{ action: string }[]>`
      SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`
  ).map((row) => row.action);

const pagesOf = async function* (facts: readonly Resolved[]) {
  yield facts;
};

test('what waits for a confirmation is counted and not hidden, owns nobody and is never due', async () => {
  const requestId = await accept(it, [user('p-1'), user('p-2')], { confirm: true });
  await resolve(it, requestId, allKnown([user('p-1')]));
  expect(await states(it, requestId)).toEqual({ proposed: 2 });
  const counting = await lookAt(it, requestId, START);
  expect(counting).toMatchObject({
    status: 'resolving',
    confirmation: { subjects: 2, uncounted: ['app'], until: null },
    behind: [],
    due: 0,
    unknown: 0,
    concludable: false,
    nextAt: null,
  });
  await storeCount(it.database, { requestId, processor: 'app' }, { 'app.users': 1 });
  const until = days(3).getTime();
  const waiting = {
    status: 'awaiting_confirmation',
    confirmation: { subjects: 2, uncounted: [], until },
    nextAt: until,
  };
  expect(await lookAt(it, requestId, START)).toMatchObject(waiting);
  expect(await lookAt(it, requestId, days(2))).toMatchObject(waiting);
  const [row] =
    await it.database`SELECT bool_or(hidden) AS hidden, count(owner_request) AS owned FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(row).toEqual({ hidden: false, owned: 0 });
  expect(await audit(requestId)).toEqual(['request.received', 'subjects.resolved', 'confirmation.asked']);
  expect(await owned(asked([user('p-1'), user('p-2')]))).toEqual([]);
});
const owned = (request: ReturnType<typeof asked>) =>
  transaction(it.database, (tx) => ownedPositions(tx, KEYS, request));
const asked = (identities: readonly Identity[]) => ({
  project: PROJECT,
  subjectKind: 'user' as const,
  selection: { by: 'identities' as const, identities: identities.map(submitted) },
});

test('before it is even resolved it conflicts with nobody', async () => {
  await accept(it, [user('early')], { confirm: true });
  expect(await owned(asked([user('early')]))).toEqual([]);
  await accept(it, [user('early')]);
  expect(await owned(asked([user('early')]))).toEqual([1]);
});

test('confirmed, they are hidden under one generation, and the grace period runs from then', async () => {
  const requestId = await awaiting(it, [user('g-1'), user('g-2')]);
  const before = await readDeletionRow(it.database, requestId);
  const at = days(2);
  const { hardDeleteAt, subjects, attached } = await confirm(requestId, 2, { at });
  expect([subjects, attached]).toEqual([2, 0]);
  expect(hardDeleteAt).toEqual(new Date('2026-01-22T02:00:00Z'));
  expect(hardDeleteAt.getTime()).toBeGreaterThan(before.hardDeleteAt.getTime());
  const rows =
    await it.database`SELECT DISTINCT state, hidden, generation > 0 AS fresh, hard_delete_at FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(rows).toEqual([{ state: 'resolved', hidden: true, fresh: true, hardDeleteAt }]);
  const [generations] =
    await it.database`SELECT count(DISTINCT generation) AS count FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(generations).toEqual({ count: 1 });
  const view = await lookAt(it, requestId, at);
  expect(view).toMatchObject({ status: 'grace', behind: ['app'] });
  expect(view).not.toHaveProperty('confirmation');
  expect(await readRequestRow(it.database, requestId)).toMatchObject({ hardDeleteAt, confirmedAt: at, wakeVersion: 1 });
  await expect(confirm(requestId, 2, { at })).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
  expect((await audit(requestId)).filter((action) => action === 'request.confirmed')).toHaveLength(1);
});

test('never confirmed, it ends by itself: nobody was hidden, and the identities go', async () => {
  const requestId = await awaiting(it, [user('l-1')]);
  await lookAt(it, requestId, new Date(days(3).getTime() - 1));
  expect(await states(it, requestId)).toEqual({ proposed: 1 });
  await expect(confirm(requestId, 1, { at: days(3) })).rejects.toMatchObject({ code: 'confirmation_expired' });
  expect(await lookAt(it, requestId, days(3))).toMatchObject({ concludable: true, behind: [], nextAt: null });
  expect(await lookAt(it, requestId, days(3))).toMatchObject({ concludable: true });
  expect(await conclude(it.database, { requestId, at: days(3) })).toEqual({ status: 'cancelled' });
  expect((await audit(requestId)).slice(2)).toEqual(['confirmation.asked', 'confirmation.lapsed', 'request.cancelled']);
  const [left] =
    await it.database`SELECT count(value) AS count FROM lethe.submitted_identities WHERE request_id = ${requestId}`;
  expect(left).toEqual({ count: 0 });
  await expect(confirm(requestId, 1, { at: days(4) })).rejects.toMatchObject({ code: 'confirmation_expired' });
  await expect(confirm(requestId, 1)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
});

test('some cancelled while it waits: the count moves, and those are never hidden', async () => {
  const requestId = await awaiting(it, [user('c-1'), user('c-2'), user('c-3')]);
  const by = { requestId, actor: 'operator', at: START };
  await cancelSubjects(it.database, POLICY.window, { ...by, positions: [2] });
  expect(await states(it, requestId)).toEqual({ cancelled: 1, proposed: 2 });
  await expect(confirm(requestId, 3)).rejects.toMatchObject({ code: 'count_moved', details: { subjects: 2 } });
  expect(await states(it, requestId)).toEqual({ cancelled: 1, proposed: 2 });
  await confirm(requestId, 2);
  expect(await states(it, requestId)).toEqual({ cancelled: 1, resolved: 2 });
});

test('all cancelled: the dry run ends at once, with nothing to restore', async () => {
  const requestId = await awaiting(it, [user('d-1'), user('d-2')]);
  await cancelSubjects(it.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: START });
  expect(await states(it, requestId)).toEqual({ cancelled: 2 });
  expect(await lookAt(it, requestId, START)).toMatchObject({ behind: [], concludable: true, nextAt: null });
  await expect(confirm(requestId, 2)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
});

test('not counted yet, or never to be confirmed: no confirmation is taken', async () => {
  const uncounted = await accept(it, [user('n-1')], { confirm: true });
  await resolve(it, uncounted, allKnown([user('n-1')]));
  await lookAt(it, uncounted, START);
  const ordinary = await hidden(it, [user('n-2')]);
  for (const requestId of [uncounted, ordinary])
    await expect(confirm(requestId, 1)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
  expect([await states(it, uncounted), await states(it, ordinary)]).toEqual([{ proposed: 1 }, { soft_deleted: 1 }]);
});

test('a request that came meanwhile hides and deletes as always; confirmed, the first one shares its outcome', async () => {
  const first = await awaiting(it, [user('m-1'), user('m-2')]);
  const second = await hidden(it, [user('m-1')]);
  expect(await states(it, second)).toEqual({ soft_deleted: 1 });
  expect(await confirm(first, 2)).toMatchObject({ subjects: 2, attached: 1 });
  expect(await states(it, first)).toEqual({ attached: 1, resolved: 1 });
  await cancelSubjects(it.database, POLICY.window, { requestId: second, positions: 'all', actor: 'a', at: START });
  expect([await states(it, first), await states(it, second)]).toEqual([{ resolved: 2 }, { cancelled: 1 }]);
});

test('the other is found under an older digest key, too', async () => {
  const [old] = KEYS;
  const keys = [{ id: 'k2', key: createSecretKey(Buffer.alloc(32, 9)) }, old] as const;
  await hidden(it, [user('r-1')]);
  const requestId = await accept(it, [user('r-1')], { confirm: true });
  await storeResolution(it.database, keys, {
    request: await readRequestRow(it.database, requestId),
    facts: pagesOf(allKnown([user('r-1')])),
    processors: [APP],
    policy: POLICY,
    at: START,
    limit: null,
    growth: () => 1,
  });
  await storeCount(it.database, { requestId, processor: 'app' }, {});
  await lookAt(it, requestId, START);
  expect(await confirm(requestId, 1)).toMatchObject({ attached: 1 });
  expect(await states(it, requestId)).toEqual({ attached: 1 });
});

test('onConflict reject is judged again: what another owns by then refuses the confirmation whole', async () => {
  const first = await awaiting(it, [user('x-1'), user('x-2'), user('x-3')], { onConflict: 'reject' });
  await hidden(it, [user('x-2')]);
  await expect(confirm(first, 3)).rejects.toMatchObject({ code: 'subject_conflict', details: { positions: [2] } });
  expect(await states(it, first)).toEqual({ proposed: 3 });
  expect(await readRequestRow(it.database, first)).toMatchObject({
    status: 'awaiting_confirmation',
    confirmedAt: null,
  });
});

test('expedited while it waits: due at once when it is confirmed, never before', async () => {
  const requestId = await awaiting(it, [user('e-1')]);
  const by = { requestId, expedite: 'now', reason: 'ticket', actor: 'operator', at: days(1) } as const;
  await expediteRequest(it.database, PROJECT_ENTRY, by);
  expect(await lookAt(it, requestId, days(1))).toMatchObject({ due: 0, status: 'awaiting_confirmation' });
  expect((await confirm(requestId, 1, { at: days(2) })).hardDeleteAt).toEqual(days(2));
  expect(await follow(it, requestId, days(2))).toMatchObject({ due: 1 });
});

test('a hold on one who is proposed is told of it, and holds after the confirmation', async () => {
  const requestId = await awaiting(it, [user('h-1')]);
  const hold = { id: newId('hold', 1), project: PROJECT, kind: 'user', identities: [user('h-1')] } as const;
  const placed = await placeHold(it.database, KEYS, { ...hold, caseRef: 'C', heldBy: 'c', actor: 'a', at: START });
  expect(placed.matching).toEqual([{ requestId, subjects: 1 }]);
  expect(await lookAt(it, requestId, START)).toMatchObject({ held: 1 });
  await confirm(requestId, 1);
  expect(await follow(it, requestId, days(40))).toMatchObject({ due: 0, held: 1 });
});

test('resolved once more while it waits, nothing of what was counted changes', async () => {
  const requestId = await awaiting(it, [user('w-1')]);
  await resolve(it, requestId, [match(1, user('w-9'))]);
  expect(await states(it, requestId)).toEqual({ proposed: 1 });
  const [row] =
    await it.database`SELECT value FROM lethe.subject_identities WHERE request_id = ${requestId} AND origin = 'key'`;
  expect(row).toEqual({ value: ['w-1'] });
});

test('the first count of a processor stands, however often it is counted', async () => {
  const requestId = await awaiting(it, [user('t-1')]);
  await storeCount(it.database, { requestId, processor: 'app' }, { 'app.users': 99 });
  const counts = await it.database`SELECT processor, tables FROM lethe.request_counts WHERE request_id = ${requestId}`;
  expect(counts).toEqual([{ processor: 'app', tables: [{ table: 'app.users', rows: 1 }] }]);
});

test('a processor that needs an operator is not counted until then, and no confirmation is asked for', async () => {
  const requestId = await accept(it, [user('a-1')], { confirm: true });
  await resolve(it, requestId, allKnown([user('a-1')]));
  await it.database`INSERT INTO lethe.attention (request_id, processor, step, code, since, retry_at)
    VALUES (${requestId}, 'app', 'resolve', 'processor_unavailable', ${START}, ${days(1)})`;
  expect(await lookAt(it, requestId, START)).toMatchObject({ confirmation: { uncounted: [], until: null } });
  expect(await lookAt(it, requestId, days(1))).toMatchObject({ confirmation: { uncounted: ['app'], until: null } });
  await it.database`UPDATE lethe.processor_visibility SET skipped_at = ${days(1)} WHERE request_id = ${requestId}`;
  expect(await lookAt(it, requestId, days(1))).toMatchObject({
    confirmation: { uncounted: [], until: days(4).getTime() },
  });
});

test('nobody to confirm: it ends as not found, and nobody is asked', async () => {
  const requestId = await accept(it, [], { confirm: true, selection: { by: 'segment', segment: 'empty' } });
  await resolve(it, requestId, []);
  expect(await lookAt(it, requestId, START)).toMatchObject({ concludable: true });
  expect(await conclude(it.database, { requestId, at: START })).toEqual({ status: 'not_found' });
  expect(await audit(requestId)).not.toContain('confirmation.asked');
});

/** Everyone of `keys` but `except`, of whom the directory says `said`. */
async function everyone(
  keys: readonly Identity[],
  except: readonly Identity[],
  said: readonly Resolved[],
  more: readonly Resolved[] = [],
) {
  const requestId = await accept(it, [], { confirm: true, selection: { by: 'everyone', except } });
  const facts = [...keys.map((key) => match(null, key)), ...more];
  await resolve(it, requestId, facts, { excepted: pagesOf(said) });
  await storeCount(it.database, { requestId, processor: 'app' }, {});
  await lookAt(it, requestId, START);
  return requestId;
}
const keysOf = async (requestId: string): Promise<readonly string[]> =>
  (
    await it.database<{ value: string[] }[]>`
      SELECT value FROM lethe.subject_identities WHERE request_id = ${requestId} AND origin = 'key' ORDER BY seq`
  ).map(({ value }) => value.join());

test('everyone but: all whom an exception may mean are spared, and their identities go at once', async () => {
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
    await it.database`SELECT value, shared FROM lethe.subject_identities WHERE request_id = ${requestId} AND type = 'email' ORDER BY value`;
  // What one who is spared is called as well stays, though the directory did not say with whom it is shared.
  expect(called).toEqual([
    { value: ['five@x.test'], shared: false },
    { value: ['home@x.test'], shared: true },
  ]);
  const excepted =
    await it.database`SELECT number, value, matched FROM lethe.excepted_identities WHERE request_id = ${requestId} ORDER BY number`;
  expect(excepted).toEqual([
    { number: 1, value: null, matched: true },
    { number: 2, value: null, matched: true },
  ]);
  expect(await readRequestRow(it.database, requestId)).toMatchObject({ submitted: 2 });
});

test('before the claim the spared do not join, under whatever key the digests are then', async () => {
  const requestId = await everyone([user('k-1'), user('k-2')], [user('k-2')], [match(1, user('k-2'))]);
  await confirm(requestId, 1);
  await follow(it, requestId);
  // Whatever the directory now says of the one who was taken.
  const facts = [match(1, user('k-2')), named(user('k-2'), email('both@x.test'))];
  const [old] = KEYS;
  for (const keys of [KEYS, [{ id: 'k2', key: createSecretKey(Buffer.alloc(32, 9)) }, old] as const]) {
    const end = await storeResolution(it.database, keys, {
      request: await readRequestRow(it.database, requestId),
      facts: pagesOf(facts),
      processors: [APP],
      policy: POLICY,
      at: days(14),
      limit: null,
      growth: () => 10,
    });
    expect(end).toMatchObject({ end: 'resolved', joined: 0, departed: 0 });
  }
  expect(await states(it, requestId)).toEqual({ soft_deleted: 1 });
});

test('an exception that matched nobody has to be accepted as such', async () => {
  const requestId = await everyone([user('u-1')], [user('u-0'), user('typo')], [match(1, user('u-0'))]);
  await expect(confirm(requestId, 1)).rejects.toMatchObject({
    code: 'unmatched_exceptions',
    details: { positions: [2] },
  });
  expect(await states(it, requestId)).toEqual({ proposed: 1 });
  await confirm(requestId, 1, { acceptUnmatched: true });
  expect(await states(it, requestId)).toEqual({ resolved: 1 });
});

test('everyone is confirmed by an owner, and not by who submitted it; anything else by any member', async () => {
  const requestId = await everyone([user('o-1')], [], []);
  for (const by of [
    { memberId: 'operator', role: 'owner' },
    { memberId: 'mem_admin', role: 'admin' },
  ] as const)
    await expect(confirm(requestId, 1, { by })).rejects.toMatchObject({ code: 'needs_another_owner' });
  expect(await states(it, requestId)).toEqual({ proposed: 1 });
  await confirm(requestId, 1);
  const some = await awaiting(it, [user('o-2')]);
  await confirm(some, 1, { by: { memberId: 'operator', role: 'admin' } });
  expect(await states(it, some)).toEqual({ resolved: 1 });
});

test('what is kept of the spared goes with the request', async () => {
  const early = await accept(it, [], { confirm: true, selection: { by: 'everyone', except: [user('s-1')] } });
  const late = await everyone([user('s-2')], [user('s-1')], [match(1, user('s-1'))]);
  for (const requestId of [early, late]) {
    await cancelSubjects(it.database, POLICY.window, { requestId, positions: 'all', actor: 'a', at: START });
    await conclude(it.database, { requestId, at: new Date(START.getTime() + DAY_MS) });
    const [left] = await it.database`
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
    const requestId = await accept(it, [], { confirm: true, selection });
    await cancelSubjects(it.database, POLICY.window, { requestId, positions: 'all', actor: 'a', at: START });
    expect(await conclude(it.database, { requestId, at: START })).toEqual({ status: 'cancelled' });
    expect(await states(it, requestId)).toEqual({});
  }
});
