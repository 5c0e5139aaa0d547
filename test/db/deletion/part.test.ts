import { expect, test } from 'vitest';
import { conclude } from '../../../db/deletion/conclude.ts';
import { errorCode } from '../../../db/errors.ts';
import { placeHold } from '../../../db/holds/holds.ts';
import { listSubjects } from '../../../db/subjects/list.ts';
import { lookUp } from '../../../db/subjects/lookup.ts';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import type { Identity } from '../../../domain/identity.ts';
import { newId } from '../../../domain/ids.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import {
  accept,
  claimAt,
  days,
  KEYS,
  ledger,
  match,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { cancel, finish, outcomes, scheduled, statusOf } from './parts.ts';

const PART_SCOPES = ['categories', 'sources'] as const satisfies readonly Scope[];

const world = await ledger();

const actions = async (requestId: string) =>
  (
    await world.sql<{ action: string }[]>`
      SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`
  ).map(({ action }) => action);

const hold = (name: Identity) =>
  placeHold(world.database, KEYS, {
    id: newId('hold', START.getTime()),
    project: PROJECT,
    kind: 'user',
    identities: [name],
    caseRef: 'C',
    heldBy: 'counsel',
    actor: 'operator',
    at: days(2),
  });

test.each(PART_SCOPES)('schedules subjects of scope %s without hiding them in any system', async (scope) => {
  const requestId = await scheduled(world, [user(`${scope}-1`), user(`${scope}-2`)], { scope });
  expect(await states(world, requestId)).toEqual({ scheduled: 2 });
  await expect(conclude(world.database, { requestId, at: START })).rejects.toThrow('still open');
  expect(await reconcileAt(world, requestId, START)).toMatchObject({
    status: 'grace',
    systemsToSync: [],
    claimable: 0,
    open: 2,
  });
  const rows = await world.sql`SELECT DISTINCT scope, hidden FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(rows).toEqual([{ scope, hidden: false }]);
  // `mail` cannot hide subjects, but a part deletion does not have to hide them.
  expect(await statusOf(world, requestId)).toMatchObject({ notHiddenIn: [], nextClaimAt: RUN });
  expect(await outcomes(world, requestId)).toEqual(['matched', 'matched']);
  const events = await actions(requestId);
  expect(events).toEqual(['request.received', 'subjects.resolved', 'subjects.scheduled']);

  expect(await claimAt(world, requestId, new Date(RUN.getTime() - 60_000))).toMatchObject({ claimed: 0 });
  expect(await claimAt(world, requestId)).toMatchObject({ claimed: 2 });
  expect(await outcomes(world, requestId)).toEqual(['matched', 'matched']);
  await finish(world, requestId);
  expect(await outcomes(world, requestId)).toEqual(['deleted', 'deleted']);
});

test('schedules unknown subjects once a system has data on them, and ends the others as not found', async () => {
  const requestId = await accept(world, [user('unknown-1'), user('unknown-2')], { scope: 'sources' });
  await resolve(world, requestId, []);
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ unresolved: 2 });
  expect(await states(world, requestId)).toEqual({ resolved: 2 });
  await markPresent(world.database, requestId, [1]);
  await settleUnresolved(world.database, PROJECT, requestId, START);
  expect(await reconcileAt(world, requestId, START)).toMatchObject({ unresolved: 0, systemsToSync: [] });
  expect(await states(world, requestId)).toEqual({ scheduled: 1, not_found: 1 });
});

test('holds a part deletion before the claim, and reports the hold as too late after it', async () => {
  const requestId = await scheduled(world, [user('held-1'), user('held-2')]);
  expect(await hold(user('held-1'))).toMatchObject({ matching: [{ requestId, subjects: 1 }], tooLate: [] });
  expect(await outcomes(world, requestId)).toEqual(['held', 'matched']);
  expect(await claimAt(world, requestId)).toMatchObject({ claimed: 1 });
  expect(await states(world, requestId)).toEqual({ scheduled: 1, claimed: 1 });
  expect(await hold(user('held-2'))).toMatchObject({ matching: [], tooLate: [{ requestId, subjects: 1 }] });
});

test('cancels without a restoration before the claim, and rejects a cancellation after it', async () => {
  const requestId = await scheduled(world, [user('back-1'), user('back-2')]);
  const generations =
    await world.sql`SELECT seq, generation FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY 1`;
  await cancel(world, requestId);
  expect(await states(world, requestId)).toEqual({ cancelled: 2 });
  expect(
    await world.sql`SELECT seq, generation FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY 1`,
  ).toEqual(generations);
  expect(await reconcileAt(world, requestId, days(3))).toMatchObject({
    systemsToSync: [],
    open: 0,
    canConclude: true,
  });
  expect(await claimAt(world, requestId)).toMatchObject({ claimed: 0 });
  const late = await scheduled(world, [user('late')]);
  await claimAt(world, late);
  await expect(cancel(world, late)).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(world, late)).toEqual({ claimed: 1 });
});

test('cancels subjects that no longer match and schedules added ones when resolved before the claim', async () => {
  const requestId = await accept(world, [{ type: 'alias', value: ['moved'] }], { scope: 'categories' });
  await resolve(world, requestId, [match(1, user('moved-from'))]);
  await reconcileAt(world, requestId, START);
  await resolve(world, requestId, [match(1, user('moved-to'))], { at: RUN });
  expect(await states(world, requestId)).toEqual({ cancelled: 1, resolved: 1 });
  expect(await reconcileAt(world, requestId, RUN)).toMatchObject({ systemsToSync: [], claimable: 1 });
  expect(await states(world, requestId)).toEqual({ cancelled: 1, scheduled: 1 });
});

test('rejects a part deletion with a suppression', async () => {
  for (const scope of PART_SCOPES)
    await expect(accept(world, [user('suppressed')], { scope, suppress: true })).rejects.toSatisfy(
      (error) => errorCode(error) === '23514',
    );
});

test('sums the cleared and retained rows of all ranges and passes in the receipt', async () => {
  const requestId = await scheduled(world, [user('sum-1'), user('sum-2')]);
  await claimAt(world, requestId);
  const users = { table: 'app.users', removed: 0, retained: [] };
  const kept = { basis: 'cannot be empty: created_at', rows: 1 };
  const again = { firstSeq: 1, lastSeq: 1, part: 0, tables: [{ ...users, blanked: 1 }], retained: [] };
  await recordRange(world.database, { requestId, project: PROJECT, system: 'app', batch: 1 }, 2, again);
  await finish(world, requestId, [
    { tables: [{ ...users, blanked: 1, retained: [kept] }], retained: [{ seq: 1, ...kept }] },
    {
      tables: [
        { ...users, blanked: 1 },
        { ...users, table: 'app.events', blanked: 7 },
      ],
    },
  ]);
  const { systems, ...receipt } = await buildReceipt(world.database, requestId);
  expect(receipt).toMatchObject({
    scope: 'categories',
    subjects: { deleted: 2 },
    outcomes: { deleted: 2 },
  });
  const unchanged = { requested: null, detached: 0, anonymised: { rows: 0, columns: [] } };
  expect(systems[0]?.tables).toEqual([
    { table: 'app.events', removed: 0, blanked: 7, retained: [], ...unchanged },
    { table: 'app.users', removed: 0, blanked: 3, retained: [kept], ...unchanged },
  ]);
  const entries = await listSubjects(world.database, { requestId, project: PROJECT, after: 0, limit: 100 });
  expect(entries.map(({ retained }) => retained)).toEqual([[kept], []]);
});

test('returns the current outcome of a part deletion in a look-up', async () => {
  const requestId = await scheduled(world, [user('looked-up')]);
  const search = { project: PROJECT, kind: 'user', identity: user('looked-up'), systems: ['app'] } as const;
  const found = await lookUp(world.database, KEYS, search);
  expect(found).toMatchObject({ requests: [{ id: requestId, outcome: 'matched' }], suppressions: [] });
});
