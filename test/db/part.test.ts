import { afterAll, beforeAll, expect, test } from 'vitest';
import { accept as acceptAsked } from '../../db/accept.ts';
import type { NewRequest } from '../../db/accept-request.ts';
import { batchDeleted, batchSeen } from '../../db/batch-work.ts';
import { cancelSubjects } from '../../db/cancel.ts';
import { claim } from '../../db/claim.ts';
import { conclude } from '../../db/conclude.ts';
import { confirmRequest } from '../../db/confirm.ts';
import { storeCount } from '../../db/counts.ts';
import { placeHold } from '../../db/holds.ts';
import { listSubjects } from '../../db/list-subjects.ts';
import { lookUp } from '../../db/lookup.ts';
import { underProjectLock } from '../../db/project-lock.ts';
import { type RangeFigures, rangeFinished } from '../../db/ranges.ts';
import { readRequestStatus } from '../../db/read-request.ts';
import { buildReceipt } from '../../db/receipt.ts';
import { concludeUnknown, markPresent } from '../../db/unknown.ts';
import type { ProcessorEntry } from '../../domain/catalog.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Identity } from '../../domain/identity.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/vocabulary.ts';
import {
  accept,
  allKnown,
  APP,
  days,
  follow,
  hidden,
  KEYS,
  type Ledger,
  ledger,
  lookAt,
  match,
  newRequest,
  POLICY,
  PROJECT,
  resolve,
  START,
  states,
  user,
} from '../support/ledger.ts';

const RUN = new Date('2026-01-20T02:00:00Z');
const PARTS = ['categories', 'sources'] as const satisfies readonly Scope[];
/** Like `app`, but it cannot hide. */
const MAIL: ProcessorEntry = { ...APP, name: 'mail', hides: false };

let it: Ledger;
beforeAll(async () => {
  it = await ledger([PROJECT, 'quota']);
});
afterAll(async () => it.closeLedger());

/** Accepted and found: waiting for its run. */
async function scheduled(names: readonly Identity[], changes: Partial<NewRequest> = {}): Promise<string> {
  const requestId = await accept(it, names, { scope: 'categories', ...changes });
  await resolve(it, requestId, allKnown(names), { processors: [APP, MAIL] });
  await lookAt(it, requestId, START);
  return requestId;
}
const take = (requestId: string, asOf = RUN, policy = POLICY) => claim(it.database, policy, { requestId, asOf });
const cancel = (requestId: string) =>
  cancelSubjects(it.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: days(3) });
const statusOf = (requestId: string) => readRequestStatus(it.database, requestId, START);
const outcomes = async (requestId: string) =>
  (await listSubjects(it.database, { requestId, after: 0, limit: 100 })).map(({ outcome }) => outcome);
const actions = async (requestId: string) =>
  (
    await it.database<{ action: string }[]>`
      SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`
  ).map(({ action }) => action);

const hold = (name: Identity) =>
  placeHold(it.database, KEYS, {
    id: newId('hold', START.getTime()),
    project: PROJECT,
    kind: 'user',
    identities: [name],
    caseRef: 'C',
    heldBy: 'counsel',
    actor: 'operator',
    at: days(2),
  });

/** The claimed batch is done and looked for twice, in all its processors. */
async function finish(requestId: string, ranges: readonly Partial<RangeFigures>[] = []): Promise<void> {
  const [key, settleMs] = [{ requestId, processor: 'app', batch: 1 }, POLICY.settleMs];
  for (const [index, range] of ranges.entries())
    await rangeFinished(it.database, key, 1, {
      firstSeq: index + 1,
      lastSeq: index + 1,
      part: 0,
      tables: [],
      retainedSeqs: [],
      ...range,
    });
  for (const processor of Object.keys((await statusOf(requestId)).processors ?? {})) {
    await batchDeleted(it.database, { ...key, processor }, null);
    for (const now of [RUN.getTime(), RUN.getTime() + DAY_MS])
      await batchSeen(it.database, { ...key, processor }, { survivors: 0 }, { now, settleMs });
  }
  await lookAt(it, requestId, new Date(RUN.getTime() + DAY_MS));
}

test.each(PARTS)('%s: found it is scheduled, nobody is hidden and no processor has to follow', async (scope) => {
  const requestId = await scheduled([user(`${scope}-1`), user(`${scope}-2`)], { scope });
  expect(await states(it, requestId)).toEqual({ scheduled: 2 });
  await expect(conclude(it.database, { requestId, at: START })).rejects.toThrow('still open');
  expect(await lookAt(it, requestId, START)).toMatchObject({ status: 'grace', behind: [], due: 0, open: 2 });
  const rows = await it.database`SELECT DISTINCT scope, hidden FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(rows).toEqual([{ scope, hidden: false }]);
  // `mail` hides nobody, ever; here nobody is to be hidden.
  expect(await statusOf(requestId)).toMatchObject({ notHiddenIn: [], nextClaimAt: RUN });
  expect(await outcomes(requestId)).toEqual(['matched', 'matched']);
  const events = await actions(requestId);
  expect(events).toEqual(['request.received', 'subjects.resolved', 'subjects.scheduled']);

  expect(await take(requestId, new Date(RUN.getTime() - 60_000))).toMatchObject({ claimed: 0 });
  expect(await take(requestId)).toMatchObject({ claimed: 2 });
  expect(await outcomes(requestId)).toEqual(['matched', 'matched']);
  await finish(requestId);
  expect(await outcomes(requestId)).toEqual(['deleted', 'deleted']);
});

test('an open deletion of the same subject is neither owner nor heir: each goes its own way', async () => {
  const name = user('both');
  const part = await scheduled([name]);
  const whole = await hidden(it, [name]);
  const other = await scheduled([name], { scope: 'sources' });
  const all = async () => [await states(it, part), await states(it, whole), await states(it, other)];
  expect(await all()).toEqual([{ scheduled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  // Whoever comes now is attached to the whole one, which alone owns.
  const attached = await hidden(it, [name]);
  const [owner] = await it.database`SELECT owner_request FROM lethe.subjects WHERE request_id = ${attached}`;
  expect(owner).toEqual({ ownerRequest: whole });

  await cancel(part);
  expect(await all()).toEqual([{ cancelled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  expect([(await take(whole)).claimed, (await take(other)).claimed]).toEqual([1, 1]);
  await finish(other);
  expect(await all()).toEqual([{ cancelled: 1 }, { claimed: 1 }, { deleted: 1 }]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  await finish(whole);
  expect([await states(it, whole), await states(it, attached)]).toEqual([{ deleted: 1 }, { deleted: 1 }]);
});

test('a whole deletion that is cancelled is not handed to a part-deletion: its subject is shown again', async () => {
  const name = user('given-back');
  const part = await scheduled([name]);
  const whole = await hidden(it, [name]);
  await cancel(whole);
  expect([await states(it, whole), await states(it, part)]).toEqual([{ cancelling: 1 }, { scheduled: 1 }]);
  await follow(it, whole, days(3));
  expect([await states(it, whole), await states(it, part)]).toEqual([{ cancelled: 1 }, { scheduled: 1 }]);
});

test('nor is one that is not looked at yet, or is claimed, an owner', async () => {
  const names = [user('unseen'), user('gone-on')];
  const unseen = await accept(it, names.slice(0, 1), { scope: 'sources' });
  await resolve(it, unseen, allKnown(names.slice(0, 1)));
  const claimed = await scheduled(names.slice(1));
  await take(claimed);
  const whole = await hidden(it, names);
  expect([await states(it, unseen), await states(it, claimed)]).toEqual([{ resolved: 1 }, { claimed: 1 }]);
  expect(await states(it, whole)).toEqual({ soft_deleted: 2 });
});

test('what must meet no other deletion meets no part-deletion, nor does one refuse itself', async () => {
  const rejecting = (name: Identity, scope: Scope) =>
    acceptAsked(it.database, KEYS, newRequest([name], { scope, onConflict: 'reject' }), null);
  await take(await scheduled([user('part-owned')]));
  await accept(it, [user('part-waiting')], { scope: 'sources' });
  for (const name of ['part-owned', 'part-waiting'])
    expect(await rejecting(user(name), 'data')).toMatchObject({ status: 'received' });
  await hidden(it, [user('whole-owned')]);
  expect(await rejecting(user('whole-owned'), 'categories')).toMatchObject({ status: 'received' });
  await expect(rejecting(user('whole-owned'), 'data')).rejects.toMatchObject({ code: 'subject_conflict' });
});

test('later requests never say already_deleted because of a part-deletion, only because of a whole one', async () => {
  const asked = async () => {
    const requestId = await accept(it, [user('later')]);
    await resolve(it, requestId, []);
    await concludeUnknown(it.database, PROJECT, requestId, RUN);
    return outcomes(requestId);
  };
  const end = async (requestId: string) => {
    await take(requestId);
    await finish(requestId);
    await conclude(it.database, { requestId, at: days(30) });
  };
  const part = await scheduled([user('later')]);
  await end(part);
  expect(await statusOf(part)).toMatchObject({ status: 'completed', states: { deleted: 1 } });
  expect(await asked()).toEqual(['not_found']);
  await end(await hidden(it, [user('later')]));
  expect(await asked()).toEqual(['already_deleted']);
});

test('whom the directory does not know: scheduled once a processor holds something, otherwise not found', async () => {
  const requestId = await accept(it, [user('unknown-1'), user('unknown-2')], { scope: 'sources' });
  await resolve(it, requestId, []);
  expect(await lookAt(it, requestId, START)).toMatchObject({ unknown: 2 });
  expect(await states(it, requestId)).toEqual({ resolved: 2 });
  await markPresent(it.database, requestId, [1]);
  await concludeUnknown(it.database, PROJECT, requestId, START);
  expect(await lookAt(it, requestId, START)).toMatchObject({ unknown: 0, behind: [] });
  expect(await states(it, requestId)).toEqual({ scheduled: 1, not_found: 1 });
});

test('a hold stops it before the claim, and is told too late after it', async () => {
  const requestId = await scheduled([user('held-1'), user('held-2')]);
  expect(await hold(user('held-1'))).toMatchObject({ matching: [{ requestId, subjects: 1 }], tooLate: [] });
  expect(await outcomes(requestId)).toEqual(['held', 'matched']);
  expect(await take(requestId)).toMatchObject({ claimed: 1 });
  expect(await states(it, requestId)).toEqual({ scheduled: 1, claimed: 1 });
  expect(await hold(user('held-2'))).toMatchObject({ matching: [], tooLate: [{ requestId, subjects: 1 }] });
});

test('cancelled before the claim it ends at once: nothing is to be shown again; after the claim it is too late', async () => {
  const requestId = await scheduled([user('back-1'), user('back-2')]);
  const generations =
    await it.database`SELECT seq, generation FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY 1`;
  await cancel(requestId);
  expect(await states(it, requestId)).toEqual({ cancelled: 2 });
  expect(
    await it.database`SELECT seq, generation FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY 1`,
  ).toEqual(generations);
  expect(await lookAt(it, requestId, days(3))).toMatchObject({ behind: [], open: 0, concludable: true });
  expect(await take(requestId)).toMatchObject({ claimed: 0 });
  const late = await scheduled([user('late')]);
  await take(late);
  await expect(cancel(late)).rejects.toMatchObject({ code: 'too_late' });
  expect(await states(it, late)).toEqual({ claimed: 1 });
});

test('it is ranked and booked like every deletion: one quota for all', async () => {
  const own = { project: 'quota' };
  const policy = { ...POLICY, quotaPerRun: 3 };
  const whole = await hidden(it, [user('q-1'), user('q-2')], { ...own, dueAt: days(40) });
  const part = await scheduled([user('q-1'), user('q-2')], { ...own, dueAt: days(20) });
  expect(await take(whole, RUN, policy)).toMatchObject({ claimed: 1, leftForNextRun: 1 });
  expect(await take(part, RUN, policy)).toMatchObject({ claimed: 2, leftForNextRun: 0 });
});

test('confirmed, the proposed are scheduled, whoever else owns them; the count is of what would be emptied', async () => {
  const names = [user('proposed-1'), user('proposed-2')];
  const requestId = await scheduled(names, { confirm: true, onConflict: 'reject' });
  await hidden(it, names.slice(0, 1));
  for (const processor of ['app', 'mail']) await storeCount(it.database, { requestId, processor }, { 'app.users': 2 });
  expect(await lookAt(it, requestId, START)).toMatchObject({ status: 'awaiting_confirmation' });
  expect(await states(it, requestId)).toEqual({ proposed: 2 });
  const entry = { name: PROJECT, policy: POLICY, directory: 'app', processors: [APP, MAIL] };
  const by = { memberId: 'mem_other', role: 'owner' } as const;
  const asked = { requestId, expectedCount: 2, acceptUnmatched: false, by, at: days(1) };
  const confirmed = await underProjectLock(it.database, PROJECT, (tx) => confirmRequest(tx, entry, asked));
  expect(confirmed).toMatchObject({ subjects: 2, attached: 0 });
  expect(await lookAt(it, requestId, days(1))).toMatchObject({ status: 'grace', behind: [] });
  expect(await states(it, requestId)).toEqual({ scheduled: 2 });
});

test('resolved again before the claim: who has gone is let go at once, who joins is scheduled', async () => {
  const requestId = await accept(it, [{ type: 'alias', value: ['moved'] }], { scope: 'categories' });
  await resolve(it, requestId, [match(1, user('moved-from'))]);
  await lookAt(it, requestId, START);
  await resolve(it, requestId, [match(1, user('moved-to'))], { at: RUN });
  expect(await states(it, requestId)).toEqual({ cancelled: 1, resolved: 1 });
  expect(await lookAt(it, requestId, RUN)).toMatchObject({ behind: [], due: 1 });
  expect(await states(it, requestId)).toEqual({ cancelled: 1, scheduled: 1 });
});

test('a part-deletion that suppresses is no row of the ledger', async () => {
  for (const scope of PARTS)
    await expect(accept(it, [user('suppressed')], { scope, suppress: true })).rejects.toMatchObject({ code: '23514' });
});

test('the receipt adds up what was emptied over ranges and passes, and says what stayed and why', async () => {
  const requestId = await scheduled([user('sum-1'), user('sum-2')]);
  await take(requestId);
  const users = { table: 'app.users', removed: 0, retained: 0, basis: null };
  const kept = { retained: 1, basis: 'cannot be empty: created_at' };
  const again = { firstSeq: 1, lastSeq: 1, part: 0, tables: [{ ...users, blanked: 1 }], retainedSeqs: [] };
  await rangeFinished(it.database, { requestId, processor: 'app', batch: 1 }, 2, again);
  await finish(requestId, [
    { tables: [{ ...users, blanked: 1, ...kept }], retainedSeqs: [1] },
    {
      tables: [
        { ...users, blanked: 1 },
        { ...users, table: 'app.events', blanked: 7 },
      ],
    },
  ]);
  const { processors, ...receipt } = await buildReceipt(it.database, requestId);
  expect(receipt).toMatchObject({
    scope: 'categories',
    subjects: { deleted: 2 },
    outcomes: { retained: 1, deleted: 1 },
  });
  expect(processors[0]?.tables).toEqual([
    { table: 'app.events', removed: 0, blanked: 7, retained: [] },
    { table: 'app.users', removed: 0, blanked: 3, retained: [{ basis: 'cannot be empty: created_at', count: 1 }] },
  ]);
});

test('a look-up tells of a part-deletion by the outcome that it has so far', async () => {
  const requestId = await scheduled([user('looked-up')]);
  const found = await lookUp(it.database, KEYS, { project: PROJECT, kind: 'user', identity: user('looked-up') });
  expect(found).toMatchObject({ requests: [{ id: requestId, outcome: 'matched' }], suppressions: [] });
});
