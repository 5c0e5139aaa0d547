import { expect, test } from 'vitest';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { findOwnedPositions } from '../../../db/requests/conflicts.ts';
import { storeCount } from '../../../db/resolution/counts.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { placeHold } from '../../../db/holds/holds.ts';
import { transaction } from '../../../db/transaction.ts';
import { storeResolution } from '../../../db/resolution/resolve.ts';
import { readDeletionRow, readRequestRow } from '../../../db/requests/row.ts';
import type { Identity } from '../../../domain/identity.ts';
import { newId } from '../../../domain/ids.ts';
import {
  accept,
  allKnown,
  APP,
  applyVisibility,
  givenAwaitingConfirmation,
  days,
  givenHiddenSubjects,
  KEYS,
  ledger,
  match,
  pagesOf,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  ROTATED,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { confirm, PROJECT_ENTRY } from './confirming.ts';

const world = await ledger();

const actionsOf = async (requestId: string): Promise<readonly string[]> =>
  (
    await world.sql<{ action: string }[]>`
      SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`
  ).map((row) => row.action);

test('does not hide or own subjects that are counted and wait for a confirmation', async () => {
  const requestId = await accept(world, [user('p-1'), user('p-2')], { confirm: true });
  await resolve(world, requestId, allKnown([user('p-1'), user('p-2')]));
  expect(await states(world, requestId)).toEqual({ proposed: 2 });
  const counting = await reconcileAt(world, requestId, START);
  expect(counting).toMatchObject({
    status: 'resolving',
    confirmation: { subjects: 2, systemsToCount: ['app'], until: null },
    systemsToSync: [],
    claimable: 0,
    unresolved: 0,
    canConclude: false,
    nextDueAt: null,
  });
  await storeCount(world.database, { requestId, system: 'app' }, { 'app.users': 1 });
  const until = days(3).getTime();
  const waiting = {
    status: 'awaiting_confirmation',
    confirmation: { subjects: 2, systemsToCount: [], until },
    nextDueAt: until,
  };
  expect(await reconcileAt(world, requestId, START)).toMatchObject(waiting);
  expect(await reconcileAt(world, requestId, days(2))).toMatchObject(waiting);
  const [row] =
    await world.sql`SELECT bool_or(hidden) AS hidden, count(owner_request) AS owned FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(row).toEqual({ hidden: false, owned: 0 });
  expect(await actionsOf(requestId)).toEqual(['request.received', 'subjects.resolved', 'confirmation.asked']);
  expect(await conflictingPositions([user('p-1'), user('p-2')])).toEqual([]);
});
const conflictingPositions = (identities: readonly Identity[]) =>
  transaction(world.database, (tx) =>
    findOwnedPositions(tx, KEYS, { project: PROJECT, subjectKind: 'user' }, identities),
  );

test('causes no conflict before it is resolved when it needs a confirmation', async () => {
  await accept(world, [user('early')], { confirm: true });
  expect(await conflictingPositions([user('early')])).toEqual([]);
  await accept(world, [user('early')]);
  expect(await conflictingPositions([user('early')])).toEqual([1]);
});

test('hides all subjects under one generation and starts the grace period when confirmed', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('g-1'), user('g-2')]);
  const before = await readDeletionRow(world.database, requestId);
  const at = days(2);
  const { hardDeleteAt, subjects, attached } = await confirm(world, requestId, 2, { at });
  expect([subjects, attached]).toEqual([2, 0]);
  expect(hardDeleteAt).toEqual(new Date('2026-01-22T02:00:00Z'));
  expect(hardDeleteAt.getTime()).toBeGreaterThan(before.hardDeleteAt.getTime());
  const rows =
    await world.sql`SELECT DISTINCT state, hidden, generation > 0 AS fresh, hard_delete_at FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(rows).toEqual([{ state: 'resolved', hidden: true, fresh: true, hardDeleteAt }]);
  const [generations] =
    await world.sql`SELECT count(DISTINCT generation) AS count FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(generations).toEqual({ count: 1 });
  const state = await reconcileAt(world, requestId, at);
  expect(state).toMatchObject({ status: 'grace', systemsToSync: ['app'] });
  expect(state).not.toHaveProperty('confirmation');
  expect(await readRequestRow(world.database, requestId)).toMatchObject({
    hardDeleteAt,
    confirmedAt: at,
    wakeVersion: 1,
  });
  await expect(confirm(world, requestId, 2, { at })).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
  expect((await actionsOf(requestId)).filter((action) => action === 'request.confirmed')).toHaveLength(1);
});

test('ends as cancelled and purges the identities when the confirmation expires', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('l-1')]);
  await reconcileAt(world, requestId, new Date(days(3).getTime() - 1));
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  await expect(confirm(world, requestId, 1, { at: days(3) })).rejects.toMatchObject({ code: 'confirmation_expired' });
  expect(await reconcileAt(world, requestId, days(3))).toMatchObject({
    canConclude: true,
    systemsToSync: [],
    nextDueAt: null,
  });
  expect(await reconcileAt(world, requestId, days(3))).toMatchObject({ canConclude: true });
  expect(await conclude(world.database, { requestId, at: days(3) })).toEqual({ status: 'cancelled' });
  expect((await actionsOf(requestId)).slice(2)).toEqual([
    'confirmation.asked',
    'confirmation.lapsed',
    'request.cancelled',
  ]);
  const [remaining] =
    await world.sql`SELECT count(value) AS count FROM lethe.submitted_identities WHERE request_id = ${requestId}`;
  expect(remaining).toEqual({ count: 0 });
  await expect(confirm(world, requestId, 1, { at: days(4) })).rejects.toMatchObject({ code: 'confirmation_expired' });
  await expect(confirm(world, requestId, 1)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
});

test('changes the count and never hides subjects that are cancelled before the confirmation', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('c-1'), user('c-2'), user('c-3')]);
  const by = { requestId, actor: 'operator', at: START };
  await cancelRequest(world.database, POLICY.window, { ...by, positions: [2] });
  expect(await states(world, requestId)).toEqual({ cancelled: 1, proposed: 2 });
  await expect(confirm(world, requestId, 3)).rejects.toMatchObject({ code: 'count_moved', details: { subjects: 2 } });
  expect(await states(world, requestId)).toEqual({ cancelled: 1, proposed: 2 });
  await confirm(world, requestId, 2);
  expect(await states(world, requestId)).toEqual({ cancelled: 1, resolved: 2 });
});

test('ends a dry run without restoring anything when all subjects are cancelled', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('d-1'), user('d-2')]);
  await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: START });
  expect(await states(world, requestId)).toEqual({ cancelled: 2 });
  expect(await reconcileAt(world, requestId, START)).toMatchObject({
    systemsToSync: [],
    canConclude: true,
    nextDueAt: null,
  });
  await expect(confirm(world, requestId, 2)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
});

test('rejects a confirmation when the request is not counted yet or needs none', async () => {
  const uncounted = await accept(world, [user('n-1')], { confirm: true });
  await resolve(world, uncounted, allKnown([user('n-1')]));
  await reconcileAt(world, uncounted, START);
  const ordinary = await givenHiddenSubjects(world, [user('n-2')]);
  for (const requestId of [uncounted, ordinary])
    await expect(confirm(world, requestId, 1)).rejects.toMatchObject({ code: 'not_awaiting_confirmation' });
  expect([await states(world, uncounted), await states(world, ordinary)]).toEqual([
    { proposed: 1 },
    { soft_deleted: 1 },
  ]);
});

test('attaches subjects that a later request owns when the first request is confirmed', async () => {
  const first = await givenAwaitingConfirmation(world, [user('m-1'), user('m-2')]);
  const second = await givenHiddenSubjects(world, [user('m-1')]);
  expect(await states(world, second)).toEqual({ soft_deleted: 1 });
  expect(await confirm(world, first, 2)).toMatchObject({ subjects: 2, attached: 1 });
  expect(await states(world, first)).toEqual({ attached: 1, resolved: 1 });
  await cancelRequest(world.database, POLICY.window, { requestId: second, positions: 'all', actor: 'a', at: START });
  expect([await states(world, first), await states(world, second)]).toEqual([{ resolved: 2 }, { cancelled: 1 }]);
});

test('attaches a subject whose owner used an older digest key', async () => {
  await givenHiddenSubjects(world, [user('r-1')]);
  const requestId = await accept(world, [user('r-1')], { confirm: true });
  await storeResolution(world.database, ROTATED, {
    request: await readRequestRow(world.database, requestId),
    facts: pagesOf(allKnown([user('r-1')])),
    systems: [APP],
    policy: POLICY,
    types: APP.identityTypes.user ?? {},
    at: START,
    limit: null,
    growth: () => 1,
  });
  await storeCount(world.database, { requestId, system: 'app' }, {});
  await reconcileAt(world, requestId, START);
  expect(await confirm(world, requestId, 1)).toMatchObject({ attached: 1 });
  expect(await states(world, requestId)).toEqual({ attached: 1 });
});

test('rejects the whole confirmation when onConflict is reject and another request owns a subject by then', async () => {
  const first = await givenAwaitingConfirmation(world, [user('x-1'), user('x-2'), user('x-3')], {
    onConflict: 'reject',
  });
  await givenHiddenSubjects(world, [user('x-2')]);
  await expect(confirm(world, first, 3)).rejects.toMatchObject({
    code: 'subject_conflict',
    details: { positions: [2] },
  });
  expect(await states(world, first)).toEqual({ proposed: 3 });
  expect(await readRequestRow(world.database, first)).toMatchObject({
    status: 'awaiting_confirmation',
    confirmedAt: null,
  });
});

test('makes a request that is expedited to now due at its confirmation, and not before', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('e-1')]);
  const by = { requestId, expedite: 'now', reason: 'ticket', actor: 'operator', at: days(1) } as const;
  await expediteRequest(world.database, PROJECT_ENTRY, by);
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({ claimable: 0, status: 'awaiting_confirmation' });
  expect((await confirm(world, requestId, 1, { at: days(2) })).hardDeleteAt).toEqual(days(2));
  expect(await applyVisibility(world, requestId, days(2))).toMatchObject({ claimable: 1 });
});

test('reports a proposed subject as matching a hold, and holds it after the confirmation', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('h-1')]);
  const hold = { id: newId('hold', 1), project: PROJECT, kind: 'user', identities: [user('h-1')] } as const;
  const placed = await placeHold(world.database, KEYS, { ...hold, caseRef: 'C', heldBy: 'c', actor: 'a', at: START });
  expect(placed.matching).toEqual([{ requestId, subjects: 1 }]);
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ held: 1 });
  await confirm(world, requestId, 1);
  expect(await applyVisibility(world, requestId, days(40))).toMatchObject({ claimable: 0, held: 1 });
});

test('does not change the counted subjects when it is resolved again before the confirmation', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('w-1')]);
  await resolve(world, requestId, [match(1, user('w-9'))]);
  expect(await states(world, requestId)).toEqual({ proposed: 1 });
  const [row] =
    await world.sql`SELECT value FROM lethe.subject_identities WHERE request_id = ${requestId} AND origin = 'key'`;
  expect(row).toEqual({ value: ['w-1'] });
});

test('keeps the first count of a system when it is counted again', async () => {
  const requestId = await givenAwaitingConfirmation(world, [user('t-1')]);
  await storeCount(world.database, { requestId, system: 'app' }, { 'app.users': 99 });
  const counts = await world.sql`SELECT system, tables FROM lethe.request_counts WHERE request_id = ${requestId}`;
  expect(counts).toEqual([{ system: 'app', tables: [{ table: 'app.users', rows: 1 }] }]);
});

test('does not open the confirmation while a system needs an operator, unless it is skipped', async () => {
  const requestId = await accept(world, [user('a-1')], { confirm: true });
  await resolve(world, requestId, allKnown([user('a-1')]));
  await world.sql`INSERT INTO lethe.attention (request_id, system, step, code, since, retry_at)
    VALUES (${requestId}, 'app', 'resolve', 'system_unavailable', ${START}, ${days(1)})`;
  expect(await reconcileAt(world, requestId, START)).toMatchObject({
    confirmation: { systemsToCount: [], until: null },
  });
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({
    confirmation: { systemsToCount: ['app'], until: null },
  });
  await world.sql`UPDATE lethe.system_visibility SET skipped_at = ${days(1)} WHERE request_id = ${requestId}`;
  expect(await reconcileAt(world, requestId, days(1))).toMatchObject({
    confirmation: { systemsToCount: [], until: days(4).getTime() },
  });
});

test('ends as not found without opening the confirmation when no subject is selected', async () => {
  const requestId = await accept(world, [], { confirm: true, selection: { by: 'segment', segment: 'empty' } });
  await resolve(world, requestId, []);
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ canConclude: true });
  expect(await conclude(world.database, { requestId, at: START })).toEqual({ status: 'not_found' });
  expect(await actionsOf(requestId)).not.toContain('confirmation.asked');
});
