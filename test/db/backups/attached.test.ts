import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBackup } from '../../../db/backups/start.ts';
import { settleUnresolved, markPresent } from '../../../db/subjects/unresolved.ts';
import { backup, endBackup } from '../../support/exports.ts';
import {
  accept,
  after,
  allKnown,
  days,
  follow,
  hidden,
  type Ledger,
  ledger,
  lookAt,
  named,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { cancel, first, people, PROJECTS, take } from './backing-up.ts';

let it: Ledger;
beforeAll(async () => {
  it = await ledger(PROJECTS);
});
afterAll(async () => it.closeLedger());

test('one who is attached with an export first keeps the owner waiting, and is exported by all that the owner calls it', async () => {
  const shape = first();
  const owner = await accept(it, people('a', 'b'), { ...shape, exportFirst: false });
  const address = { type: 'email', value: ['a@x.test'] };
  await resolve(it, owner, [...allKnown(people('a', 'b')), named(user('a'), address)]);
  await follow(it, owner);
  const attached = await accept(it, people('a'), shape);
  await resolve(it, attached, [...allKnown(people('a')), named(user('a'), address)]);
  expect(await states(it, attached)).toEqual({ attached: 1 });
  expect(await lookAt(it, owner, START)).toMatchObject({ awaitingBackup: 1 });
  expect(await lookAt(it, owner, START)).not.toHaveProperty('needsBackup');
  expect(await lookAt(it, attached, START)).toMatchObject({ needsBackup: true });
  const exporting = await backup(it, attached);
  const names = await it.sql`
    SELECT value[1] AS value, shared FROM lethe.subject_identities WHERE request_id = ${exporting} ORDER BY value`;
  expect(names).toMatchObject([
    { value: 'a', shared: false },
    { value: 'a@x.test', shared: false },
  ]);
  expect(await take(it, owner, RUN)).toMatchObject({ claimed: 1, leftForNextRun: 0 });
  expect(await lookAt(it, owner, after(1))).toMatchObject({ claimable: 0, nextDueAt: null });
  expect(await endBackup(it, exporting, { at: after(1) })).toEqual([attached, owner]);
  expect(await take(it, owner, after(1))).toMatchObject({ claimed: 0 });
  expect(await take(it, owner, after(24))).toMatchObject({ claimed: 1, wake: [] });
});

test('one who was attached for an export is cancelled: the owner waits no longer, but for its run', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const attached = await hidden(it, people('a'), shape);
  const exporting = await backup(it, attached);
  expect(await take(it, owner, RUN)).toMatchObject({ claimed: 0 });
  const { wake } = await cancel(it, attached, 'all', after(5));
  expect(wake.toSorted()).toEqual([attached, exporting, owner].toSorted());
  expect(await states(it, exporting)).toEqual({ cancelled: 1 });
  expect(await take(it, owner, after(5))).toMatchObject({ claimed: 0 });
  expect(await lookAt(it, owner, after(5))).toMatchObject({ claimable: 0, nextDueAt: after(24).getTime() });
  expect(await take(it, owner, after(24))).toMatchObject({ claimed: 1 });
});

test.each([
  ['exports nothing first', false],
  ['is in its archive', true],
])('one who was attached and %s is cancelled: the run of the owner stays as it is', async (_claim, exportFirst) => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const attached = await hidden(it, people('a'), { ...shape, exportFirst });
  if (exportFirst) await endBackup(it, await backup(it, attached), { at: days(1) });
  await cancel(it, attached, 'all', after(5));
  expect(await take(it, owner, after(5))).toMatchObject({ claimed: 1 });
});

test('the owner cancelled: whoever inherits the subject still exports it first', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const heir = await hidden(it, people('a'), shape);
  const exporting = await backup(it, heir);
  await cancel(it, owner, 'all', days(1));
  await follow(it, heir, days(1));
  expect(await states(it, heir)).toEqual({ soft_deleted: 1 });
  expect(await states(it, exporting)).toEqual({ wanted: 1 });
  expect(await take(it, heir, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(it, exporting, { at: after(1) });
  expect(await take(it, heir, after(24))).toMatchObject({ claimed: 1 });
});

test('who is already claimed when another request attaches cannot be saved, and ends with the owner', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await take(it, owner, RUN);
  const late = await hidden(it, people('a'), shape);
  expect(await states(it, late)).toEqual({ attached: 1 });
  expect(await lookAt(it, late, RUN)).not.toHaveProperty('needsBackup');
  expect(await startBackup(it.database, late, RUN)).toBeNull();
});

test('one who is attached while nobody knows yet whether there is such a person is exported once somebody does', async () => {
  const shape = first();
  const owner = await accept(it, people('a'), { ...shape, exportFirst: false });
  await resolve(it, owner, []);
  const deletion = await accept(it, people('a'), shape);
  await resolve(it, deletion, []);
  expect(await states(it, deletion)).toEqual({ attached: 1 });
  expect(await lookAt(it, deletion, START)).not.toHaveProperty('needsBackup');
  await markPresent(it.database, owner, 'all');
  expect(await settleUnresolved(it.database, shape.project, owner, START)).toEqual([deletion]);
  expect(await settleUnresolved(it.database, shape.project, owner, START)).toEqual([deletion]);
  expect(await lookAt(it, deletion, START)).toMatchObject({ needsBackup: true });
  await follow(it, owner);
  expect(await take(it, owner, RUN)).toMatchObject({ claimed: 0 });
  await endBackup(it, await backup(it, deletion), { at: days(1) });
  expect(await take(it, owner, RUN)).toMatchObject({ claimed: 1 });
});

test('who waits behind an heir, and attached while the subject was shown again, exports it first all the same', async () => {
  const shape = first();
  const owner = await hidden(it, people('a'), { ...shape, exportFirst: false });
  await cancel(it, owner, 'all', days(1));
  const heir = await hidden(it, people('a'), { ...shape, exportFirst: false });
  const behind = await hidden(it, people('a'), { ...shape, receivedAt: days(1) });
  expect(await states(it, behind)).toEqual({ attached: 1 });
  expect(await lookAt(it, behind, days(1))).not.toHaveProperty('needsBackup');
  expect((await follow(it, owner, days(1))).requestsToSignal.toSorted()).toEqual([heir, behind].toSorted());
  expect(await lookAt(it, behind, days(1))).toMatchObject({ needsBackup: true });
});
