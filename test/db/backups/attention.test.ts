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

type Backup = Awaited<ReturnType<typeof givenBackup>>;

const keyOf = ({ project, exporting }: Backup, system: string, step: Step = 'collect') =>
  ({ project, requestId: exporting, system, step, batch: 0 }) as const;
const raise = (one: Backup, system: string, step?: Step, retryAt: Date | null = days(1)) =>
  transaction(world.database, (tx) =>
    raiseAttention(tx, keyOf(one, system, step), { code: 'system_unavailable', at: START, retryAt }),
  );
const clear = (one: Backup, system: string, step?: Step) =>
  clearAttention(world.database, keyOf(one, system, step), days(1));
const attentionOf = (requestId: string) =>
  world.sql`SELECT system, step, code, retry_at FROM lethe.attention WHERE request_id = ${requestId} ORDER BY system`;
const operator = (requestId: string, system: string | null = null) => ({
  requestId,
  system,
  reason: 'mended',
  actor: 'operator',
  at: days(3),
});
const unseen = async (requestId: string): Promise<boolean> => {
  const [row] = await world.sql<{ unseen: boolean }[]>`
    SELECT wake_version > wake_seen AS unseen FROM lethe.requests WHERE id = ${requestId}`;
  return row?.unseen ?? false;
};

test('what the export needs an operator for, its deletion needs one for, until the last of it has gone', async () => {
  const one = await givenBackup(world, people('a'));
  const bystander = await givenBackup(world, people('a'));
  await raise(one, 'crm');
  await raise(one, 'crm', 'inspect');
  await raise(one, 'app');
  const mirrored = { step: 'backup', code: 'backup_failing', retryAt: days(1) };
  expect(await attentionOf(one.deletion)).toMatchObject([
    { system: 'app', ...mirrored },
    { system: 'crm', ...mirrored },
  ]);
  expect(await unseen(one.deletion)).toBe(true);
  expect(await attentionOf(bystander.deletion)).toEqual([]);
  await clear(one, 'crm');
  expect(await attentionOf(one.deletion)).toHaveLength(2);
  await clear(one, 'crm', 'inspect');
  expect(await attentionOf(one.deletion)).toMatchObject([{ system: 'app' }]);
  expect(await reconcileAt(world, one.deletion, START)).toMatchObject({
    attention: [{ system: 'app', code: 'backup_failing' }],
    nextDueAt: null,
  });
  const events = await world.sql`SELECT action, detail FROM lethe.audit_events
    WHERE request_id = ${one.deletion} AND action LIKE 'attention.%' ORDER BY id`;
  expect(events).toMatchObject([
    { action: 'attention.raised', detail: { system: 'crm', step: 'backup', code: 'backup_failing' } },
    { action: 'attention.raised', detail: { system: 'app' } },
    { action: 'attention.cleared', detail: { system: 'crm' } },
  ]);
});

test('once it is ready nothing of it needs anybody', async () => {
  const one = await givenBackup(world, people('a'));
  await raise(one, 'app');
  await world.sql`DELETE FROM lethe.attention WHERE request_id = ${one.exporting}`;
  await endBackup(world, one.exporting, { at: days(2) });
  expect(await attentionOf(one.deletion)).toEqual([]);
});

test('retried, the deletion has its export tried again: of one system, or of all', async () => {
  const one = await givenBackup(world, people('a'));
  await raise(one, 'app');
  await raise(one, 'crm');
  const done = await retrySystems(world.database, operator(one.deletion, 'app'));
  expect(done).toEqual({ systems: ['app'], wake: [one.deletion, one.exporting] });
  expect(await attentionOf(one.exporting)).toMatchObject([{ system: 'crm' }]);
  expect(await attentionOf(one.deletion)).toMatchObject([{ system: 'crm' }]);
  expect(await unseen(one.exporting)).toBe(true);
  await retrySystems(world.database, operator(one.deletion));
  expect(await attentionOf(one.exporting)).toEqual([]);
  await expect(retrySystems(world.database, operator(one.deletion))).rejects.toMatchObject({
    code: 'not_in_attention',
  });
});

test('retried, the export takes its deletion along', async () => {
  const one = await givenBackup(world, people('a'));
  await raise(one, 'app');
  await retrySystems(world.database, operator(one.exporting));
  expect(await attentionOf(one.deletion)).toEqual([]);
});

test('no system is left out of what is exported first, nor out of any export', async () => {
  const one = await givenBackup(world, people('a'));
  await raise(one, 'app');
  for (const requestId of [one.deletion, one.exporting]) {
    const skip = { ...operator(requestId), system: 'app' };
    await expect(skipSystem(world.database, skip)).rejects.toMatchObject({ code: 'wrong_kind' });
    expect(await attentionOf(requestId)).toHaveLength(1);
  }
});

test('a system that the deletion itself waits for is skipped there, and still owes the export its rows', async () => {
  const one = await givenBackup(world, people('a'));
  await raise(one, 'app');
  await transaction(world.database, (tx) =>
    raiseAttention(
      tx,
      { ...keyOf(one, 'app', 'visibility'), requestId: one.deletion },
      { code: 'system_unavailable', at: START, retryAt: null },
    ),
  );
  await skipSystem(world.database, { ...operator(one.deletion), system: 'app' });
  expect(await attentionOf(one.deletion)).toMatchObject([{ step: 'backup', code: 'backup_failing' }]);
  expect(await attentionOf(one.exporting)).toHaveLength(1);
});

test('ended without an archive: an operator hears, nobody is claimed, and another begins only when told to', async () => {
  const one = await givenBackup(world, people('a', 'b'));
  await raise(one, 'app');
  await endBackup(world, one.exporting, { at: days(2), status: 'cancelled' });
  expect(await attentionOf(one.deletion)).toMatchObject([
    { system: 'lethe', step: 'backup', code: 'backup_missing', retryAt: null },
  ]);
  const view = await reconcileAt(world, one.deletion, days(2));
  expect(view).toMatchObject({ awaitingBackup: 2, attention: [{ system: 'lethe', code: 'backup_missing' }] });
  expect(view).not.toHaveProperty('needsBackup');
  expect(await claimAt(world, one.deletion, RUN)).toMatchObject({ claimed: 0 });
  await retrySystems(world.database, operator(one.deletion));
  expect(await reconcileAt(world, one.deletion, days(3))).toMatchObject({ needsBackup: true, attention: [] });
  const second = await backup(world, one.deletion, days(3));
  await endBackup(world, second, { at: days(4) });
  expect(await claimAt(world, one.deletion, RUN)).toMatchObject({ claimed: 2 });
});

test('some cancelled out of it: an operator hears of those, and the others may be claimed', async () => {
  const one = await givenBackup(world, people('a', 'b'));
  const whole = { requestId: one.exporting, positions: [2], actor: 'operator', at: days(1) };
  await cancelRequest(world.database, POLICY.window, whole);
  await endBackup(world, one.exporting, { at: days(2) });
  expect(await attentionOf(one.deletion)).toMatchObject([{ code: 'backup_missing' }]);
  expect(await claimAt(world, one.deletion, RUN)).toMatchObject({ claimed: 1 });
  expect(await states(world, one.deletion)).toEqual({ claimed: 1, soft_deleted: 1 });
});

test('the deletion cancelled: its export ends, and nobody misses it', async () => {
  const one = await givenBackup(world, people('a', 'b'));
  await cancelRequest(world.database, POLICY.window, {
    requestId: one.deletion,
    positions: 'all',
    actor: 'operator',
    at: days(1),
  });
  expect(await states(world, one.exporting)).toEqual({ cancelled: 2 });
  await endBackup(world, one.exporting, { at: days(1), status: 'cancelled' });
  expect(await attentionOf(one.deletion)).toEqual([]);
});

test('who departs before the claim leaves the export that is under way', async () => {
  const device = [{ type: 'alias', value: ['device'] }];
  const { deletion, exporting } = await givenBackup(world, device);
  await resolve(world, deletion, [match(1, user('somebody else'))], { at: RUN });
  expect(await states(world, exporting)).toEqual({ cancelled: 1 });
});
