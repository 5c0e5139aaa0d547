import { expect, test } from 'vitest';
import { retrySystems, skipSystem } from '../../../db/attention/retry.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { clearAttention, raiseAttention } from '../../../db/attention/raise.ts';
import { transaction } from '../../../db/transaction.ts';
import type { Step } from '../../../domain/vocabulary.ts';
import { backup, endBackup } from '../../support/exports.ts';
import {
  claimAt,
  days,
  ledger,
  match,
  POLICY,
  reconcileAt,
  resolve,
  RUN,
  START,
  states,
  user,
} from '../../support/ledger.ts';
import { givenBackup, people, PROJECTS } from './backing-up.ts';

const world = await ledger(PROJECTS);

type GivenBackup = Awaited<ReturnType<typeof givenBackup>>;

const keyOf = ({ project, exporting }: GivenBackup, system: string, step: Step = 'collect') =>
  ({ project, requestId: exporting, system, step, batch: 0 }) as const;
const raise = (fixture: GivenBackup, system: string, step?: Step, retryAt: Date | null = days(1)) =>
  transaction(world.database, (tx) =>
    raiseAttention(tx, keyOf(fixture, system, step), { code: 'system_unavailable', at: START, retryAt }),
  );
const clear = (fixture: GivenBackup, system: string, step?: Step) =>
  clearAttention(world.database, keyOf(fixture, system, step), days(1));
const attentionOf = (requestId: string) =>
  world.sql`SELECT system, step, code, retry_at FROM lethe.attention WHERE request_id = ${requestId} ORDER BY system`;
const operator = (requestId: string, system: string | null = null) => ({
  requestId,
  system,
  reason: 'repaired',
  actor: 'operator',
  at: days(3),
});
const hasUnseenWake = async (requestId: string): Promise<boolean> => {
  const [row] = await world.sql<{ unseen: boolean }[]>`
    SELECT wake_version > wake_seen AS unseen FROM lethe.requests WHERE id = ${requestId}`;
  return row?.unseen ?? false;
};

test('copies the attention of a backup to its deletion until the last entry is cleared', async () => {
  const fixture = await givenBackup(world, people('a'));
  const bystander = await givenBackup(world, people('a'));
  await raise(fixture, 'crm');
  await raise(fixture, 'crm', 'inspect');
  await raise(fixture, 'app');
  const copied = { step: 'backup', code: 'backup_failing', retryAt: days(1) };
  expect(await attentionOf(fixture.deletion)).toMatchObject([
    { system: 'app', ...copied },
    { system: 'crm', ...copied },
  ]);
  expect(await hasUnseenWake(fixture.deletion)).toBe(true);
  expect(await attentionOf(bystander.deletion)).toEqual([]);
  await clear(fixture, 'crm');
  expect(await attentionOf(fixture.deletion)).toHaveLength(2);
  await clear(fixture, 'crm', 'inspect');
  expect(await attentionOf(fixture.deletion)).toMatchObject([{ system: 'app' }]);
  expect(await reconcileAt(world, fixture.deletion, START)).toMatchObject({
    attention: [{ system: 'app', code: 'backup_failing' }],
    nextDueAt: null,
  });
  const events = await world.sql`SELECT action, detail FROM lethe.audit_events
    WHERE request_id = ${fixture.deletion} AND action LIKE 'attention.%' ORDER BY id`;
  expect(events).toMatchObject([
    { action: 'attention.raised', detail: { system: 'crm', step: 'backup', code: 'backup_failing' } },
    { action: 'attention.raised', detail: { system: 'app' } },
    { action: 'attention.cleared', detail: { system: 'crm' } },
  ]);
});

test('clears the copied attention when the backup is ready', async () => {
  const fixture = await givenBackup(world, people('a'));
  await raise(fixture, 'app');
  await world.sql`DELETE FROM lethe.attention WHERE request_id = ${fixture.exporting}`;
  await endBackup(world, fixture.exporting, { at: days(2) });
  expect(await attentionOf(fixture.deletion)).toEqual([]);
});

test('retries one or all systems of the backup when the deletion is retried', async () => {
  const fixture = await givenBackup(world, people('a'));
  await raise(fixture, 'app');
  await raise(fixture, 'crm');
  const retried = await retrySystems(world.database, operator(fixture.deletion, 'app'));
  expect(retried).toMatchObject({ systems: ['app'], wake: [fixture.deletion, fixture.exporting] });
  expect(await attentionOf(fixture.exporting)).toMatchObject([{ system: 'crm' }]);
  expect(await attentionOf(fixture.deletion)).toMatchObject([{ system: 'crm' }]);
  expect(await hasUnseenWake(fixture.exporting)).toBe(true);
  await retrySystems(world.database, operator(fixture.deletion));
  expect(await attentionOf(fixture.exporting)).toEqual([]);
  await expect(retrySystems(world.database, operator(fixture.deletion))).rejects.toMatchObject({
    code: 'not_in_attention',
  });
});

test('clears the attention of the deletion when its backup is retried', async () => {
  const fixture = await givenBackup(world, people('a'));
  await raise(fixture, 'app');
  await retrySystems(world.database, operator(fixture.exporting));
  expect(await attentionOf(fixture.deletion)).toEqual([]);
});

test('does not skip a system of a backup or of its deletion', async () => {
  const fixture = await givenBackup(world, people('a'));
  await raise(fixture, 'app');
  for (const requestId of [fixture.deletion, fixture.exporting]) {
    const skip = { ...operator(requestId), system: 'app' };
    await expect(skipSystem(world.database, skip)).rejects.toMatchObject({ code: 'wrong_kind' });
    expect(await attentionOf(requestId)).toHaveLength(1);
  }
});

test('skips a system in the deletion only and keeps the attention of the backup', async () => {
  const fixture = await givenBackup(world, people('a'));
  await raise(fixture, 'app');
  await transaction(world.database, (tx) =>
    raiseAttention(
      tx,
      { ...keyOf(fixture, 'app', 'visibility'), requestId: fixture.deletion },
      { code: 'system_unavailable', at: START, retryAt: null },
    ),
  );
  await skipSystem(world.database, { ...operator(fixture.deletion), system: 'app' });
  expect(await attentionOf(fixture.deletion)).toMatchObject([{ step: 'backup', code: 'backup_failing' }]);
  expect(await attentionOf(fixture.exporting)).toHaveLength(1);
});

test('raises attention and does not claim when a backup ends without an archive, until an operator retries', async () => {
  const fixture = await givenBackup(world, people('a', 'b'));
  await raise(fixture, 'app');
  await endBackup(world, fixture.exporting, { at: days(2), status: 'cancelled' });
  expect(await attentionOf(fixture.deletion)).toMatchObject([
    { system: 'lethe', step: 'backup', code: 'backup_missing', retryAt: null },
  ]);
  const state = await reconcileAt(world, fixture.deletion, days(2));
  expect(state).toMatchObject({ awaitingBackup: 2, attention: [{ system: 'lethe', code: 'backup_missing' }] });
  expect(state).not.toHaveProperty('needsBackup');
  expect(await claimAt(world, fixture.deletion, RUN)).toMatchObject({ claimed: 0 });
  await retrySystems(world.database, operator(fixture.deletion));
  expect(await reconcileAt(world, fixture.deletion, days(3))).toMatchObject({ needsBackup: true, attention: [] });
  const second = await backup(world, fixture.deletion, days(3));
  await endBackup(world, second, { at: days(4) });
  expect(await claimAt(world, fixture.deletion, RUN)).toMatchObject({ claimed: 2 });
});

test('raises attention for subjects that are cancelled in the backup and claims the others', async () => {
  const fixture = await givenBackup(world, people('a', 'b'));
  const cancellation = { requestId: fixture.exporting, positions: [2], actor: 'operator', at: days(1) };
  await cancelRequest(world.database, POLICY.window, cancellation);
  await endBackup(world, fixture.exporting, { at: days(2) });
  expect(await attentionOf(fixture.deletion)).toMatchObject([{ code: 'backup_missing' }]);
  expect(await claimAt(world, fixture.deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await states(world, fixture.deletion)).toEqual({ claimed: 1, soft_deleted: 1 });
});

test('does not raise attention when the cancellation of the deletion ends its backup', async () => {
  const fixture = await givenBackup(world, people('a', 'b'));
  await cancelRequest(world.database, POLICY.window, {
    requestId: fixture.deletion,
    positions: 'all',
    actor: 'operator',
    at: days(1),
  });
  expect(await states(world, fixture.exporting)).toEqual({ cancelled: 2 });
  await endBackup(world, fixture.exporting, { at: days(1), status: 'cancelled' });
  expect(await attentionOf(fixture.deletion)).toEqual([]);
});

test('removes a subject from an open backup when the deletion no longer matches it', async () => {
  const device = [{ type: 'alias', value: ['device'] }];
  const { deletion, exporting } = await givenBackup(world, device);
  await resolve(world, deletion, [match(1, user('another'))], { at: RUN });
  expect(await states(world, exporting)).toEqual({ cancelled: 1 });
});
