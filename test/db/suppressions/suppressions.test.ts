import { expect, test } from 'vitest';
import { conclude } from '../../../db/deletion/conclude.ts';
import { openSuppressions } from '../../../db/suppressions/open.ts';
import { readLackingSuppressions, readLifted, recordPlaced } from '../../../db/suppressions/place.ts';
import { summarizeSuppressions } from '../../../db/suppressions/settle.ts';
import { liftSuppression } from '../../../db/suppressions/suppressions.ts';
import { lookUp } from '../../../db/subjects/lookup.ts';
import { settleUnresolved } from '../../../db/subjects/unresolved.ts';
import type { Identity } from '../../../domain/identity.ts';
import { newId } from '../../../domain/ids.ts';
import {
  accept,
  after,
  allKnown,
  APP,
  applyVisibility,
  claimAt,
  email,
  identityFact,
  KEYS,
  ledger,
  match,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  user,
} from '../../support/ledger.ts';
import { placeAll } from '../../support/suppressions.ts';

const world = await ledger();
const { database } = world;
const CRM = { ...APP, name: 'crm' };
const systems = [APP, CRM];

/** A deletion whose only batch is deleted and verified in both systems. */
async function givenDeleted(facts: Parameters<typeof resolve>[2], identities: readonly Identity[]): Promise<string> {
  const requestId = await accept(world, identities, { suppress: true });
  await resolve(world, requestId, facts, { systems });
  for (const { name } of systems) await applyVisibility(world, requestId, START, name);
  await claimAt(world, requestId);
  await world.sql`UPDATE lethe.batch_work SET state = 'verified', verified_at = ${RUN} WHERE request_id = ${requestId}`;
  return requestId;
}
const suppressionsOf = async (identity: Identity, known = ['app', 'crm']) => {
  const search = { project: PROJECT, kind: 'user', identity, systems: known } as const;
  return (await lookUp(database, KEYS, search)).suppressions.map(({ missingIn }) => missingIn);
};
const summaryOf = (requestId: string) => summarizeSuppressions(database, { id: requestId, suppress: true });

test('places a suppression when every system that can suppress has it, and lists the others as missing', async () => {
  const MAIL = { ...APP, name: 'mail', suppresses: false };
  const requestId = await accept(world, [user('m-1')], { suppress: true });
  await resolve(world, requestId, allKnown([user('m-1')]), { systems: [APP, MAIL] });
  for (const name of ['app', 'mail']) await applyVisibility(world, requestId, START, name);
  await claimAt(world, requestId);
  await world.sql`UPDATE lethe.batch_work SET state = 'verified', verified_at = ${RUN} WHERE request_id = ${requestId}`;
  await reconcileAt(world, requestId, RUN);
  await openSuppressions(database, KEYS, { requestId, at: RUN });
  expect(await reconcileAt(world, requestId, RUN)).toMatchObject({ systemsToSuppress: ['app'], canConclude: false });
  await placeAll(database, KEYS, { requestId, at: RUN, systems: ['app'] });
  const placed = await reconcileAt(world, requestId, RUN);
  expect(placed.systemsToSuppress).toBeUndefined();
  expect(placed.canConclude).toBe(true);
  expect(await summaryOf(requestId)).toEqual({ placed: 1, pending: 0, missingIn: ['mail'] });
  expect(await conclude(database, { requestId, at: RUN })).toEqual({ status: 'completed' });
});

test('is pending and does not conclude until both systems have the suppression', async () => {
  const requestId = await givenDeleted(allKnown([user('a-1')]), [user('a-1')]);
  const first = await reconcileAt(world, requestId, RUN);
  expect([first.needsSuppression, first.canConclude]).toEqual([true, false]);
  await openSuppressions(database, KEYS, { requestId, at: RUN });
  await openSuppressions(database, KEYS, { requestId, at: RUN });
  expect(await reconcileAt(world, requestId, RUN)).toMatchObject({ systemsToSuppress: ['app', 'crm'] });
  await placeAll(database, KEYS, { requestId, at: RUN, systems: ['app'] });
  expect(await reconcileAt(world, requestId, RUN)).toMatchObject({ systemsToSuppress: ['crm'], canConclude: false });
  expect(await suppressionsOf(user('a-1'))).toEqual([['crm']]);
  expect(await summaryOf(requestId)).toEqual({ placed: 0, pending: 1, missingIn: ['crm'] });
  await expect(conclude(database, { requestId, at: RUN })).rejects.toThrow('still open');
  await placeAll(database, KEYS, { requestId, at: RUN, systems: ['crm'] });
  const last = await reconcileAt(world, requestId, RUN);
  expect([last.systemsToSuppress, last.canConclude]).toEqual([undefined, true]);
  await conclude(database, { requestId, at: RUN });
  expect(await suppressionsOf(user('a-1'))).toEqual([[]]);
  expect(await suppressionsOf(user('a-1'), ['app', 'crm', 'later'])).toEqual([['later']]);
});

test('stores no suppression of an identity that another subject shares', async () => {
  const facts = [match(1, user('b-1')), identityFact(user('b-1'), email('home@x.test'), 1)];
  const requestId = await givenDeleted(facts, [user('b-1')]);
  await reconcileAt(world, requestId, RUN);
  await placeAll(database, KEYS, { requestId, at: RUN });
  expect([await suppressionsOf(user('b-1')), await suppressionsOf(email('home@x.test'))]).toEqual([[[]], []]);
});

test('does not record a system in which an identity was suppressed after its lift', async () => {
  const requestId = await givenDeleted(allKnown([user('c-1')]), [user('c-1')]);
  await reconcileAt(world, requestId, RUN);
  await openSuppressions(database, KEYS, { requestId, at: RUN });
  const key = { requestId, project: PROJECT, system: 'app' };
  const [{ id } = { id: '' }] = await readLackingSuppressions(database, key);
  const before = await readLifted(database, id);
  const change = { id: newId('suppression', 1), project: PROJECT, kind: 'user', actor: 'ann', at: RUN } as const;
  await liftSuppression(database, KEYS, {
    ...change,
    systems: ['app', 'crm'],
    identity: user('c-1'),
  });
  const placed = { suppressionId: id, at: RUN };
  expect(await recordPlaced(database, key, { ...placed, lifted: before })).toBe(false);
  expect(await readLackingSuppressions(database, key)).toEqual([{ id }]);
  expect(await recordPlaced(database, key, { ...placed, lifted: await readLifted(database, id) })).toBe(true);
  expect(await readLackingSuppressions(database, key)).toEqual([]);
  expect(await suppressionsOf(user('c-1'))).toEqual([]);
});

test('leaves no suppression of an absent identity before its run, nor in a dry run', async () => {
  const waiting = await accept(world, [user('d-1'), user('d-2')], { suppress: true });
  await resolve(world, waiting, allKnown([user('d-1')]), { systems });
  await settleUnresolved(database, PROJECT, waiting, START);
  expect(await reconcileAt(world, waiting, START)).toMatchObject({ nextDueAt: RUN.getTime() });
  await openSuppressions(database, KEYS, { requestId: waiting, at: START });
  expect(await suppressionsOf(user('d-2'))).toEqual([]);
  const dry = await accept(world, [user('d-3')], { suppress: true, confirm: true });
  await resolve(world, dry, [], { systems });
  await settleUnresolved(database, PROJECT, dry, START);
  expect(await reconcileAt(world, dry, after(1))).toMatchObject({ canConclude: true });
  await openSuppressions(database, KEYS, { requestId: dry, at: after(1) });
  expect(await conclude(database, { requestId: dry, at: after(1) })).toEqual({ status: 'not_found' });
  await openSuppressions(database, KEYS, { requestId: waiting, at: RUN });
  expect([await suppressionsOf(user('d-2')), await suppressionsOf(user('d-3'))]).toEqual([[['app', 'crm']], []]);
});

test('stores suppressions of many subjects in pages, each once', async () => {
  const identities = Array.from({ length: 2_001 }, (_, n) => user(`many-${n}`));
  const requestId = await givenDeleted(allKnown(identities), identities);
  await reconcileAt(world, requestId, RUN);
  await openSuppressions(database, KEYS, { requestId, at: RUN });
  const rows = await world.sql`
    SELECT count(*) FROM lethe.subjects WHERE request_id = ${requestId} GROUP BY suppression_id ORDER BY 1`;
  expect(rows).toEqual([{ count: 1 }, { count: 2_000 }]);
  await placeAll(database, KEYS, { requestId, at: RUN });
  await reconcileAt(world, requestId, RUN);
  expect(await summaryOf(requestId)).toEqual({ placed: 2_001, pending: 0, missingIn: [] });
});
