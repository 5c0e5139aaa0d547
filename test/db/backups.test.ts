import { afterAll, beforeAll, expect, test } from 'vitest';
import { retryProcessors } from '../../db/attention.ts';
import { beginBackup } from '../../db/backups/begin.ts';
import { cancelSubjects } from '../../db/cancel.ts';
import { claim } from '../../db/claim.ts';
import { conclude } from '../../db/conclude.ts';
import { expediteRequest } from '../../db/expedite.ts';
import { destroyArchive, expireArchive, readArchiveFacts } from '../../db/exports/archive.ts';
import { readRequestStatus } from '../../db/read-request.ts';
import { buildReceipt } from '../../db/receipt.ts';
import { concludeUnknown, markPresent } from '../../db/unknown.ts';
import type { Policy } from '../../domain/policy.ts';
import { backup, endBackup, exportOf, withKey } from '../support/exports.ts';
import {
  accept,
  allKnown,
  APP,
  awaiting,
  days,
  follow,
  hidden,
  type Ledger,
  ledger,
  lookAt,
  match,
  named,
  POLICY,
  resolve,
  START,
  states,
  user,
} from '../support/ledger.ts';

const RUN = new Date('2026-01-20T02:00:00Z');
const after = (hours: number): Date => new Date(RUN.getTime() + hours * 3_600_000);
const DAY = 24;
const people = (...names: string[]) => names.map(user);

let it: Ledger;
let number = 0;
beforeAll(async () => {
  it = await ledger(Array.from({ length: 40 }, (_, n) => `p${n}`));
});
afterAll(async () => it.closeLedger());
const first = () => ({ project: `p${number++}`, exportFirst: true });
const take = (requestId: string, asOf: Date, policy: Partial<Policy> = {}) =>
  claim(it.database, { ...POLICY, ...policy }, { requestId, asOf });
const cancel = (requestId: string, positions: readonly number[] | 'all', at: Date) =>
  cancelSubjects(it.database, POLICY.window, { requestId, positions, actor: 'operator', at });

test('hidden at once, and claimed by no run before it is in an archive; then by the next, not at the word', async () => {
  const deletion = await hidden(it, people('a'), first());
  expect(await lookAt(it, deletion, START)).toMatchObject({ status: 'grace', backup: true, unsaved: 1 });
  const exporting = await backup(it, deletion);
  expect(await lookAt(it, deletion, RUN)).toMatchObject({ due: 0, open: 1, unsaved: 1, nextAt: null });
  expect(await lookAt(it, deletion, RUN)).not.toHaveProperty('backup');
  for (const day of [0, 1, 2])
    expect(await take(deletion, after(24 * day))).toMatchObject({ claimed: 0, leftForNextRun: 0 });
  expect(await endBackup(it, exporting, { at: after(60) })).toEqual([deletion]);
  expect(await take(deletion, after(60))).toMatchObject({ claimed: 0 });
  const view = await lookAt(it, deletion, after(60));
  expect(view).toMatchObject({ due: 0, nextAt: after(72).getTime() });
  expect(view).not.toHaveProperty('unsaved');
  expect(await take(deletion, after(72))).toMatchObject({ claimed: 1 });
});

test('in an archive long before its run: claimed at its run', async () => {
  const deletion = await hidden(it, people('a'), first());
  await endBackup(it, await backup(it, deletion), { at: days(1) });
  expect(await take(deletion, days(10))).toMatchObject({ claimed: 0 });
  expect(await take(deletion, RUN)).toMatchObject({ claimed: 1 });
});

test('the quota of a run is not used up by those who wait for an archive', async () => {
  const shape = first();
  const waiting = await hidden(it, people('a', 'b'), { ...shape, dueAt: days(16) });
  const other = await hidden(it, people('c', 'd'), { ...shape, exportFirst: false });
  expect(await take(waiting, RUN, { quotaPerRun: 2 })).toMatchObject({ claimed: 0, leftForNextRun: 0 });
  expect(await take(other, RUN, { quotaPerRun: 2 })).toMatchObject({ claimed: 2 });
});

test('it holds everyone in the deletion, under the same numbers, with all their names, and nobody else', async () => {
  const shape = first();
  await hidden(it, people('else'), { ...shape, exportFirst: false });
  const deletion = await accept(it, [user('a'), user('b')], { ...shape, regulation: 'ccpa', scope: 'categories' });
  const address = { type: 'email', value: ['a@x.test'] };
  const household = { type: 'email', value: ['home@x.test'] };
  await resolve(it, deletion, [
    ...allKnown(people('a', 'b')),
    named(user('a'), address),
    named(user('a'), household, 1),
  ]);
  await follow(it, deletion);
  const exporting = await backup(it, deletion);
  const names = await it.database`
    SELECT seq, type, value[1] AS value, shared FROM lethe.subject_identities WHERE request_id = ${exporting} ORDER BY seq, value`;
  expect(names).toMatchObject([
    { seq: 1, value: 'a', shared: false },
    { seq: 1, value: 'a@x.test', shared: false },
    { seq: 1, value: 'home@x.test', shared: true },
    { seq: 2, value: 'b', shared: false },
  ]);
  const [row] = await it.database`
    SELECT kind, scope, status, format, submitted, backup_of, epoch, hard_delete_at, export_first, resolved_at, processors,
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
    processors: { app: 'map-1' },
    digests: 4,
  });
  expect(await states(it, exporting)).toEqual({ wanted: 2 });
  expect((await readRequestStatus(it.database, exporting, START)).states).toEqual({ wanted: 2 });
  const told = await it.database`SELECT outcome FROM lethe.submitted_identities WHERE request_id = ${exporting}`;
  expect(told).toMatchObject([{ outcome: 'matched' }, { outcome: 'matched' }]);
});

test('begun again it begins nothing', async () => {
  const deletion = await hidden(it, people('a'), first());
  await backup(it, deletion);
  expect(await beginBackup(it.database, deletion, START)).toBeNull();
  const plain = await hidden(it, people('b'), { ...first(), exportFirst: false });
  expect(await beginBackup(it.database, plain, START)).toBeNull();
  expect(await lookAt(it, plain, START)).not.toHaveProperty('backup');
});

test('nobody is exported who is still to be confirmed, or to be looked for', async () => {
  const proposed = await awaiting(it, people('a'), first());
  expect(await lookAt(it, proposed, START)).not.toHaveProperty('backup');
  expect(await beginBackup(it.database, proposed, START)).toBeNull();

  const shape = first();
  const unknown = await accept(it, people('known', 'lost', 'found'), shape);
  await resolve(it, unknown, [match(1, user('known'))]);
  expect(await follow(it, unknown)).toMatchObject({ unknown: 2 });
  expect(await lookAt(it, unknown, START)).not.toHaveProperty('backup');
  expect(await states(it, await backup(it, unknown))).toEqual({ wanted: 1 });
  await markPresent(it.database, unknown, [3]);
  await concludeUnknown(it.database, shape.project, unknown, START);
  expect(await follow(it, unknown)).toMatchObject({ backup: true, unsaved: 2 });
  expect(await states(it, await backup(it, unknown))).toEqual({ wanted: 1 });
});

test('who joins just before the claim is exported too, and claimed by a later run than the others', async () => {
  const device = [{ type: 'alias', value: ['device'] }];
  const deletion = await accept(it, device, first());
  await resolve(it, deletion, [match(1, user('owner'))]);
  await follow(it, deletion);
  await endBackup(it, await backup(it, deletion), { at: days(1) });
  await resolve(it, deletion, [match(1, user('owner')), match(1, user('joined'))], { at: RUN });
  expect(await take(deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await follow(it, deletion, RUN)).toMatchObject({ due: 0, backup: true, unsaved: 1 });
  const second = await backup(it, deletion, RUN);
  const [joined] = await it.database`SELECT seq FROM lethe.subjects WHERE request_id = ${second}`;
  expect(joined).toEqual({ seq: 2 });
  expect(await take(deletion, after(24))).toMatchObject({ claimed: 0 });
  await endBackup(it, second, { at: after(30) });
  expect(await take(deletion, after(48))).toMatchObject({ claimed: 1 });
});

test('expedited to now it waits for the archive, then goes at once', async () => {
  const shape = first();
  const deletion = await hidden(it, people('a'), shape);
  const exporting = await backup(it, deletion);
  const project = { name: shape.project, policy: POLICY, directory: 'app', processors: [APP] };
  const haste = { requestId: deletion, expedite: 'now', reason: 'asked', actor: 'operator', at: days(2) } as const;
  await expediteRequest(it.database, project, haste);
  expect(await take(deletion, days(2))).toMatchObject({ claimed: 0 });
  await endBackup(it, exporting, { at: days(3) });
  expect(await lookAt(it, deletion, days(3))).toMatchObject({ due: 1 });
  expect(await take(deletion, days(3))).toMatchObject({ claimed: 1 });
});

test('on whom nothing was held anywhere needs no archive', async () => {
  const deletion = await hidden(it, people('a'), first());
  await endBackup(it, await backup(it, deletion), { at: days(1), status: 'not_found' });
  expect(await lookAt(it, deletion, days(1))).toMatchObject({ attention: [] });
  expect(await take(deletion, RUN)).toMatchObject({ claimed: 1 });
});

test('one who is attached with an export first keeps the owner waiting, and is exported by all that the owner calls it', async () => {
  const shape = first();
  const owner = await accept(it, people('a', 'b'), { ...shape, exportFirst: false });
  const address = { type: 'email', value: ['a@x.test'] };
  await resolve(it, owner, [...allKnown(people('a', 'b')), named(user('a'), address)]);
  await follow(it, owner);
  const attached = await accept(it, people('a'), shape);
  await resolve(it, attached, [...allKnown(people('a')), named(user('a'), address)]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  expect(await lookAt(it, owner, START)).toMatchObject({ unsaved: 1 });
  expect(await lookAt(it, owner, START)).not.toHaveProperty('backup');
  expect(await lookAt(it, attached, START)).toMatchObject({ backup: true });
  const exporting = await backup(it, attached);
  const names = await it.database`
    SELECT value[1] AS value, shared FROM lethe.subject_identities WHERE request_id = ${exporting} ORDER BY value`;
  expect(names).toMatchObject([
    { value: 'a', shared: false },
    { value: 'a@x.test', shared: false },
  ]);
  expect(await take(owner, RUN)).toMatchObject({ claimed: 1, leftForNextRun: 0 });
  expect(await lookAt(it, owner, after(1))).toMatchObject({ due: 0, nextAt: null });
  expect(await endBackup(it, exporting, { at: after(1) })).toEqual([attached, owner]);
  expect(await take(owner, after(1))).toMatchObject({ claimed: 0 });
  expect(await take(owner, after(24))).toMatchObject({ claimed: 1, wake: [] });
});

test('one who was attached for an export is cancelled: the owner waits no longer, but for its run', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const attached = await hidden(it, people('a'), shape);
  const exporting = await backup(it, attached);
  expect(await take(owner, RUN)).toMatchObject({ claimed: 0 });
  const { wake } = await cancel(attached, 'all', after(5));
  expect(wake.toSorted()).toEqual([attached, exporting, owner].toSorted());
  expect(await states(it, exporting)).toEqual({ cancelled: 1 });
  expect(await take(owner, after(5))).toMatchObject({ claimed: 0 });
  expect(await lookAt(it, owner, after(5))).toMatchObject({ due: 0, nextAt: after(24).getTime() });
  expect(await take(owner, after(24))).toMatchObject({ claimed: 1 });
});

test.each([
  ['exports nothing first', false],
  ['is in its archive', true],
])('one who was attached and %s is cancelled: the run of the owner stays as it is', async (_claim, exportFirst) => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const attached = await hidden(it, people('a'), { ...shape, exportFirst });
  if (exportFirst) await endBackup(it, await backup(it, attached), { at: days(1) });
  await cancel(attached, 'all', after(5));
  expect(await take(owner, after(5))).toMatchObject({ claimed: 1 });
});

test('the owner cancelled: whoever inherits the subject still exports it first', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const heir = await hidden(it, people('a'), shape);
  const exporting = await backup(it, heir);
  await cancel(owner, 'all', days(1));
  await follow(it, heir, days(1));
  expect(await states(it, heir)).toEqual({ soft_deleted: 1 });
  expect(await states(it, exporting)).toEqual({ wanted: 1 });
  expect(await take(heir, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(it, exporting, { at: after(1) });
  expect(await take(heir, after(24))).toMatchObject({ claimed: 1 });
});

test('who is already claimed when another request attaches cannot be saved, and ends with the owner', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await take(owner, RUN);
  const late = await hidden(it, people('a'), shape);
  expect(await states(it, late)).toEqual({ attached: 1 });
  expect(await lookAt(it, late, RUN)).not.toHaveProperty('backup');
  expect(await beginBackup(it.database, late, RUN)).toBeNull();
});

test('one of three cancelled leaves the export that is under way, which collects again; the others stay in it', async () => {
  const deletion = await hidden(it, people('a', 'b', 'c'), first());
  const exporting = await backup(it, deletion);
  await withKey(it, exporting);
  const { wake } = await cancel(deletion, [2], days(1));
  expect(wake).toContain(exporting);
  expect(await states(it, exporting)).toEqual({ cancelled: 1, wanted: 2 });
  expect(await exportOf(it, exporting)).toMatchObject({ epoch: 2, keys: 1, unseen: true });
  await endBackup(it, exporting, { at: days(2) });
  expect(await lookAt(it, deletion, days(2))).toMatchObject({ attention: [] });
});

test('an export of anybody that is made for a deletion outlives its claim; that of a deletion that was cancelled does not', async () => {
  const shape = first();
  const kept = await hidden(it, people('a'), shape);
  const archive = await backup(it, kept);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  expect(await take(kept, RUN)).toMatchObject({ claimed: 1, wake: [] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'ready', keys: 1, actions: [] });

  const cancelled = await hidden(it, people('b'), shape);
  const left = await backup(it, cancelled);
  await withKey(it, left);
  await endBackup(it, left, { at: days(1) });
  await cancel(cancelled, 'all', days(2));
  await follow(it, cancelled, days(2));
  await conclude(it.database, { requestId: cancelled, at: days(2) });
  const later = await hidden(it, people('b'), { ...shape, exportFirst: false });
  expect(await take(later, RUN)).toMatchObject({ claimed: 1, wake: [left] });
  expect(await exportOf(it, left)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('a deletion that was cancelled and still shows some again protects no archive of somebody whom another one claims', async () => {
  const shape = first();
  const cancelled = await hidden(it, people('a', 'b'), shape);
  const archive = await backup(it, cancelled);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(cancelled, 'all', days(2));
  await follow(it, heir, days(2));
  expect(await states(it, cancelled)).toEqual({ cancelled: 1, cancelling: 1 });
  expect(await take(heir, RUN)).toMatchObject({ claimed: 1, wake: [archive] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
});

test('one of two is taken back out of a ready archive and claimed by another: it is destroyed, and another one made of the rest', async () => {
  const shape = first();
  const deletion = await hidden(it, people('a', 'b'), shape);
  const archive = await backup(it, deletion);
  await withKey(it, archive);
  await endBackup(it, archive, { at: days(1) });
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(deletion, [1], days(2));
  await follow(it, heir, days(2));
  expect(await take(heir, RUN)).toMatchObject({ claimed: 1, wake: [archive, deletion] });
  expect(await exportOf(it, archive)).toMatchObject({ status: 'expired', keys: 0, actions: ['export.revoked'] });
  expect(await take(deletion, RUN)).toMatchObject({ claimed: 0 });
  expect(await lookAt(it, deletion, RUN)).toMatchObject({ backup: true, attention: [] });
  const another = await backup(it, deletion);
  expect(await states(it, another)).toEqual({ wanted: 1 });
  await endBackup(it, another, { at: after(1) });
  expect(await take(deletion, after(DAY))).toMatchObject({ claimed: 1 });
});

test('one who is attached while nobody knows yet whether there is such a person is exported once somebody does', async () => {
  const shape = first();
  const owner = await accept(it, people('a'), { ...shape, exportFirst: false });
  await resolve(it, owner, []);
  const deletion = await accept(it, people('a'), shape);
  await resolve(it, deletion, []);
  expect(await states(it, deletion)).toEqual({ attached: 1 });
  expect(await lookAt(it, deletion, START)).not.toHaveProperty('backup');
  await markPresent(it.database, owner, 'all');
  expect(await concludeUnknown(it.database, shape.project, owner, START)).toEqual([deletion]);
  expect(await concludeUnknown(it.database, shape.project, owner, START)).toEqual([deletion]);
  expect(await lookAt(it, deletion, START)).toMatchObject({ backup: true });
  await follow(it, owner);
  expect(await take(owner, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(it, await backup(it, deletion), { at: days(1) });
  expect(await take(owner, RUN)).toMatchObject({ claimed: 1 });
});

test('who waits behind an heir, and attached while the subject was shown again, exports it first all the same', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(owner, 'all', days(1));
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const behind = await hidden(it, people('a'), { ...shape, receivedAt: days(1) });
  expect(await states(it, behind)).toEqual({ attached: 1 });
  expect(await lookAt(it, behind, days(1))).not.toHaveProperty('backup');
  expect((await follow(it, owner, days(1))).wake.toSorted()).toEqual([heir, behind].toSorted());
  expect(await lookAt(it, behind, days(1))).toMatchObject({ backup: true });
});

test('status and receipt name the backup, how many it holds and until when it can be had', async () => {
  const deletion = await hidden(it, people('a', 'b'), first());
  const exporting = await backup(it, deletion);
  const pending = { requestId: exporting, status: 'resolving', readyAt: null, expiresAt: null, subjects: 2 };
  expect((await readRequestStatus(it.database, deletion, START)).backups).toEqual([pending]);
  await endBackup(it, exporting, { at: days(1) });
  const ready = {
    ...pending,
    status: 'ready',
    readyAt: days(1).toISOString(),
    expiresAt: after(7 * DAY).toISOString(),
  };
  expect((await buildReceipt(it.database, deletion)).backups).toEqual([ready]);
  const plain = await hidden(it, people('c'), { ...first(), exportFirst: false });
  expect((await buildReceipt(it.database, plain)).backups).toEqual([]);
});

const expiryOf = async (exporting: string) => (await readArchiveFacts(it.database, exporting))?.expiresAt;
const expire = (requestId: string, at: Date) =>
  expireArchive(it.database, { requestId, at, keptMs: POLICY.exportsKeptMs });

test('a backup outlives the claim: its week begins with the run, and anew while somebody in it still waits', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await withKey(it, exporting);
  await endBackup(it, exporting, { at: days(1) });
  expect(await expiryOf(exporting)).toEqual(after(7 * DAY));
  await expire(exporting, after(7 * DAY));
  expect(await expiryOf(exporting)).toEqual(after(14 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'ready', keys: 1 });
  expect(await take(deletion, after(8 * DAY))).toMatchObject({ claimed: 1 });
  await expire(exporting, after(14 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'expired', keys: 0, reason: 'expired' });
});

test('a backup of those who were taken back is kept no longer than any archive', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await endBackup(it, exporting, { at: days(1) });
  await cancel(deletion, 'all', days(2));
  await expire(exporting, after(7 * DAY));
  expect(await exportOf(it, exporting)).toMatchObject({ status: 'expired' });
});

test('a backup that a member destroys before the claim: nobody is claimed, until an operator has another one made', async () => {
  const deletion = await hidden(it, people('a'), first());
  const exporting = await backup(it, deletion);
  await endBackup(it, exporting, { at: days(1) });
  const by = { actor: 'operator', at: days(2) };
  const { wake } = await destroyArchive(it.database, { requestId: exporting, ...by });
  expect(wake).toEqual([exporting, deletion]);
  expect(await take(deletion, RUN)).toMatchObject({ claimed: 0 });
  const view = await lookAt(it, deletion, RUN);
  expect(view).toMatchObject({ due: 0, attention: [{ code: 'backup_missing' }] });
  expect(view).not.toHaveProperty('backup');
  await retryProcessors(it.database, { requestId: deletion, processor: null, reason: 'ticket 7', ...by });
  expect(await lookAt(it, deletion, RUN)).toMatchObject({ backup: true });
  await endBackup(it, await backup(it, deletion), { at: after(1) });
  expect(await take(deletion, after(DAY))).toMatchObject({ claimed: 1 });
});
