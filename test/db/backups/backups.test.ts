import { expect, test } from 'vitest';
import { startBackup } from '../../../db/backups/start.ts';
import { expediteRequest } from '../../../db/requests/expedite.ts';
import { buildReceipt } from '../../../db/deletion/receipt.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import { backup, endBackup } from '../../support/exports.ts';
import {
  accept,
  after,
  allKnown,
  APP,
  applyVisibility,
  givenAwaitingConfirmation,
  claimAt,
  days,
  givenHiddenSubjects,
  ledger,
  match,
  identityFact,
  POLICY,
  reconcileAt,
  resolve,
  RUN,
  START,
  states,
  user,
  statusAt,
} from '../../support/ledger.ts';
import { DAY_HOURS, exportingFirst, givenBackup, people, PROJECTS } from './backing-up.ts';

const world = await ledger(PROJECTS);

test('does not claim before the backup is ready, and then claims at the next run', async () => {
  const deletion = await givenHiddenSubjects(world, people('a'), exportingFirst());
  expect(await reconcileAt(world, deletion, START)).toMatchObject({
    status: 'grace',
    needsBackup: true,
    awaitingBackup: 1,
  });
  const exporting = await backup(world, deletion);
  expect(await reconcileAt(world, deletion, RUN)).toMatchObject({
    claimable: 0,
    open: 1,
    awaitingBackup: 1,
    nextDueAt: null,
  });
  expect(await reconcileAt(world, deletion, RUN)).not.toHaveProperty('needsBackup');
  for (const day of [0, 1, 2])
    expect(await claimAt(world, deletion, after(24 * day))).toMatchObject({ claimed: 0, leftForNextRun: 0 });
  expect(await endBackup(world, exporting, { at: after(60) })).toEqual([deletion]);
  expect(await claimAt(world, deletion, after(60))).toMatchObject({ claimed: 0 });
  const state = await reconcileAt(world, deletion, after(60));
  expect(state).toMatchObject({ claimable: 0, nextDueAt: after(72).getTime() });
  expect(state).not.toHaveProperty('awaitingBackup');
  expect(await claimAt(world, deletion, after(72))).toMatchObject({ claimed: 1 });
});

test('claims at the scheduled run when the backup is ready long before it', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1) });
  expect(await claimAt(world, deletion, days(10))).toMatchObject({ claimed: 0 });
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 1 });
});

test('does not use the quota of a run for subjects that wait for a backup', async () => {
  const changes = exportingFirst();
  const waiting = await givenHiddenSubjects(world, people('a', 'b'), { ...changes, dueAt: days(16) });
  const other = await givenHiddenSubjects(world, people('c', 'd'), { ...changes, exportFirst: false });
  expect(await claimAt(world, waiting, RUN, { quotaPerRun: 2 })).toMatchObject({ claimed: 0, leftForNextRun: 0 });
  expect(await claimAt(world, other, RUN, { quotaPerRun: 2 })).toMatchObject({ claimed: 2 });
});

test('exports exactly the subjects of the deletion, with the same seq and all identities', async () => {
  const changes = exportingFirst();
  await givenHiddenSubjects(world, people('other'), { ...changes, exportFirst: false });
  const deletion = await accept(world, [user('a'), user('b')], { ...changes, regulation: 'ccpa', scope: 'categories' });
  const address = { type: 'email', value: ['a@x.test'] };
  const household = { type: 'email', value: ['home@x.test'] };
  await resolve(world, deletion, [
    ...allKnown(people('a', 'b')),
    identityFact(user('a'), address),
    identityFact(user('a'), household, 1),
  ]);
  await applyVisibility(world, deletion);
  const exporting = await backup(world, deletion);
  const identities = await world.sql`
    SELECT seq, type, value[1] AS value, shared FROM lethe.subject_identities WHERE request_id = ${exporting} ORDER BY seq, value`;
  expect(identities).toMatchObject([
    { seq: 1, value: 'a', shared: false },
    { seq: 1, value: 'a@x.test', shared: false },
    { seq: 1, value: 'home@x.test', shared: true },
    { seq: 2, value: 'b', shared: false },
  ]);
  const [row] = await world.sql`
    SELECT kind, scope, status, format, submitted, backup_of, epoch, hard_delete_at, export_first, resolved_at, systems,
           (SELECT count(*) FROM lethe.identity_digests WHERE request_id = id) AS digests
    FROM lethe.requests WHERE id = ${exporting}`;
  expect(row).toEqual({
    kind: 'export',
    scope: 'data',
    status: 'resolving',
    format: 'ndjson',
    submitted: 2,
    backupOf: deletion,
    epoch: 1,
    hardDeleteAt: null,
    exportFirst: false,
    resolvedAt: START,
    systems: { app: 'map-1' },
    digests: 4,
  });
  expect(await states(world, exporting)).toEqual({ selected: 2 });
  expect((await statusAt(world.database, exporting, START)).states).toEqual({ selected: 2 });
  const outcomes = await world.sql`SELECT outcome FROM lethe.submitted_identities WHERE request_id = ${exporting}`;
  expect(outcomes).toMatchObject([{ outcome: 'matched' }, { outcome: 'matched' }]);
});

test('does not start a second backup, nor one for a deletion without exportFirst', async () => {
  const { deletion } = await givenBackup(world, people('a'));
  expect(await startBackup(world.database, deletion, START)).toBeNull();
  const plain = await givenHiddenSubjects(world, people('b'), { ...exportingFirst(), exportFirst: false });
  expect(await startBackup(world.database, plain, START)).toBeNull();
  expect(await reconcileAt(world, plain, START)).not.toHaveProperty('needsBackup');
});

test('does not back up proposed subjects or unresolved ones', async () => {
  const proposed = await givenAwaitingConfirmation(world, people('a'), exportingFirst());
  expect(await reconcileAt(world, proposed, START)).not.toHaveProperty('needsBackup');
  expect(await startBackup(world.database, proposed, START)).toBeNull();

  const changes = exportingFirst();
  const partlyUnknown = await accept(world, people('known', 'lost', 'found'), changes);
  await resolve(world, partlyUnknown, [match(1, user('known'))]);
  expect(await applyVisibility(world, partlyUnknown)).toMatchObject({ unresolved: 2 });
  expect(await reconcileAt(world, partlyUnknown, START)).not.toHaveProperty('needsBackup');
  expect(await states(world, await backup(world, partlyUnknown))).toEqual({ selected: 1 });
  await markPresent(world.database, partlyUnknown, [3]);
  await settleUnresolved(world.database, changes.project, partlyUnknown, START);
  expect(await applyVisibility(world, partlyUnknown)).toMatchObject({ needsBackup: true, awaitingBackup: 2 });
  expect(await states(world, await backup(world, partlyUnknown))).toEqual({ selected: 1 });
});

test('backs up a subject that is added before the claim and claims it in a later run', async () => {
  const device = [{ type: 'alias', value: ['device'] }];
  const deletion = await accept(world, device, exportingFirst());
  await resolve(world, deletion, [match(1, user('owner'))]);
  await applyVisibility(world, deletion);
  await endBackup(world, await backup(world, deletion), { at: days(1) });
  await resolve(world, deletion, [match(1, user('owner')), match(1, user('added'))], { at: RUN });
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await applyVisibility(world, deletion, RUN)).toMatchObject({
    claimable: 0,
    needsBackup: true,
    awaitingBackup: 1,
  });
  const second = await backup(world, deletion, RUN);
  const [added] = await world.sql`SELECT seq FROM lethe.subjects WHERE request_id = ${second}`;
  expect(added).toEqual({ seq: 2 });
  expect(await claimAt(world, deletion, after(24))).toMatchObject({ claimed: 0 });
  await endBackup(world, second, { at: after(30) });
  expect(await claimAt(world, deletion, after(48))).toMatchObject({ claimed: 1 });
});

test('claims immediately after the backup is ready when the deletion is expedited to now', async () => {
  const changes = exportingFirst();
  const { deletion, exporting } = await givenBackup(world, people('a'), changes);
  const project = { name: changes.project, policy: POLICY, directory: 'app', systems: [APP] };
  const expedition = { requestId: deletion, expedite: 'now', reason: 'asked', actor: 'operator', at: days(2) } as const;
  await expediteRequest(world.database, project, expedition);
  expect(await claimAt(world, deletion, days(2))).toMatchObject({ claimed: 0 });
  await endBackup(world, exporting, { at: days(3) });
  expect(await reconcileAt(world, deletion, days(3))).toMatchObject({ claimable: 1 });
  expect(await claimAt(world, deletion, days(3))).toMatchObject({ claimed: 1 });
});

test('claims subjects without data when their backup ends as not found', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a'));
  await endBackup(world, exporting, { at: days(1), status: 'not_found' });
  expect(await reconcileAt(world, deletion, days(1))).toMatchObject({ attention: [] });
  expect(await claimAt(world, deletion, RUN)).toMatchObject({ claimed: 1 });
});

test('lists each backup in status and receipt with its subjects and expiry', async () => {
  const { deletion, exporting } = await givenBackup(world, people('a', 'b'));
  const pending = { requestId: exporting, status: 'resolving', readyAt: null, expiresAt: null, subjects: 2 };
  expect((await statusAt(world.database, deletion, START)).backups).toEqual([pending]);
  await endBackup(world, exporting, { at: days(1) });
  const ready = {
    ...pending,
    status: 'ready',
    readyAt: days(1).toISOString(),
    expiresAt: after(7 * DAY_HOURS).toISOString(),
  };
  expect((await buildReceipt(world.database, deletion)).backups).toEqual([ready]);
  const plain = await givenHiddenSubjects(world, people('c'), { ...exportingFirst(), exportFirst: false });
  expect((await buildReceipt(world.database, plain)).backups).toEqual([]);
});
