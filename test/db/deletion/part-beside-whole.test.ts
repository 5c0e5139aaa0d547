import { afterAll, beforeAll, expect, test } from 'vitest';
import { accept as acceptAsked } from '../../../db/requests/create.ts';
import { conclude } from '../../../db/deletion/conclude.ts';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import { storeCount } from '../../../db/resolution/counts.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
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
  newRequest,
  POLICY,
  PROJECT,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { cancel, finish, MAIL, outcomes, scheduled, statusOf, take } from './parts.ts';

let it: Ledger;
beforeAll(async () => {
  it = await ledger([PROJECT, 'quota']);
});
afterAll(async () => it.closeLedger());

test('an open deletion of the same subject is neither owner nor heir: each goes its own way', async () => {
  const name = user('both');
  const part = await scheduled(it, [name]);
  const whole = await hidden(it, [name]);
  const other = await scheduled(it, [name], { scope: 'sources' });
  const all = async () => [await states(it, part), await states(it, whole), await states(it, other)];
  expect(await all()).toEqual([{ scheduled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  // Whoever comes now is attached to the whole one, which alone owns.
  const attached = await hidden(it, [name]);
  const [owner] = await it.sql`SELECT owner_request FROM lethe.subjects WHERE request_id = ${attached}`;
  expect(owner).toEqual({ ownerRequest: whole });

  await cancel(it, part);
  expect(await all()).toEqual([{ cancelled: 1 }, { soft_deleted: 1 }, { scheduled: 1 }]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  expect([(await take(it, whole)).claimed, (await take(it, other)).claimed]).toEqual([1, 1]);
  await finish(it, other);
  expect(await all()).toEqual([{ cancelled: 1 }, { claimed: 1 }, { deleted: 1 }]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  await finish(it, whole);
  expect([await states(it, whole), await states(it, attached)]).toEqual([{ deleted: 1 }, { deleted: 1 }]);
});

test('a whole deletion that is cancelled is not handed to a part-deletion: its subject is shown again', async () => {
  const name = user('given-back');
  const part = await scheduled(it, [name]);
  const whole = await hidden(it, [name]);
  await cancel(it, whole);
  expect([await states(it, whole), await states(it, part)]).toEqual([{ cancelling: 1 }, { scheduled: 1 }]);
  await follow(it, whole, days(3));
  expect([await states(it, whole), await states(it, part)]).toEqual([{ cancelled: 1 }, { scheduled: 1 }]);
});

test('nor is one that is not looked at yet, or is claimed, an owner', async () => {
  const names = [user('unseen'), user('gone-on')];
  const unseen = await accept(it, names.slice(0, 1), { scope: 'sources' });
  await resolve(it, unseen, allKnown(names.slice(0, 1)));
  const claimed = await scheduled(it, names.slice(1));
  await take(it, claimed);
  const whole = await hidden(it, names);
  expect([await states(it, unseen), await states(it, claimed)]).toEqual([{ resolved: 1 }, { claimed: 1 }]);
  expect(await states(it, whole)).toEqual({ soft_deleted: 2 });
});

test('what must meet no other deletion meets no part-deletion, nor does one refuse itself', async () => {
  const rejecting = (name: Identity, scope: Scope) =>
    acceptAsked(it.database, KEYS, newRequest([name], { scope, onConflict: 'reject' }), null);
  await take(it, await scheduled(it, [user('part-owned')]));
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
    await settleUnresolved(it.database, PROJECT, requestId, RUN);
    return outcomes(it, requestId);
  };
  const end = async (requestId: string) => {
    await take(it, requestId);
    await finish(it, requestId);
    await conclude(it.database, { requestId, at: days(30) });
  };
  const part = await scheduled(it, [user('later')]);
  await end(part);
  expect(await statusOf(it, part)).toMatchObject({ status: 'completed', states: { deleted: 1 } });
  expect(await asked()).toEqual(['not_found']);
  await end(await hidden(it, [user('later')]));
  expect(await asked()).toEqual(['already_deleted']);
});

test('it is ranked and booked like every deletion: one quota for all', async () => {
  const own = { project: 'quota' };
  const policy = { ...POLICY, quotaPerRun: 3 };
  const whole = await hidden(it, [user('q-1'), user('q-2')], { ...own, dueAt: days(40) });
  const part = await scheduled(it, [user('q-1'), user('q-2')], { ...own, dueAt: days(20) });
  expect(await take(it, whole, RUN, policy)).toMatchObject({ claimed: 1, leftForNextRun: 1 });
  expect(await take(it, part, RUN, policy)).toMatchObject({ claimed: 2, leftForNextRun: 0 });
});

test('confirmed, the proposed are scheduled, whoever else owns them; the count is of what would be emptied', async () => {
  const names = [user('proposed-1'), user('proposed-2')];
  const requestId = await scheduled(it, names, { confirm: true, onConflict: 'reject' });
  await hidden(it, names.slice(0, 1));
  for (const processor of ['app', 'mail']) await storeCount(it.database, { requestId, processor }, { 'app.users': 2 });
  expect(await lookAt(it, requestId, START)).toMatchObject({ status: 'awaiting_confirmation' });
  expect(await states(it, requestId)).toEqual({ proposed: 2 });
  const entry = { name: PROJECT, policy: POLICY, directory: 'app', processors: [APP, MAIL] };
  const by = { memberId: 'mem_other', role: 'owner' } as const;
  const asked = { requestId, expectedCount: 2, acceptUnmatched: false, by, at: days(1) };
  const confirmed = await withProjectLock(it.database, PROJECT, (tx) => confirmRequest(tx, entry, asked));
  expect(confirmed).toMatchObject({ subjects: 2, attached: 0 });
  expect(await lookAt(it, requestId, days(1))).toMatchObject({ status: 'grace', processorsToSync: [] });
  expect(await states(it, requestId)).toEqual({ scheduled: 2 });
});
