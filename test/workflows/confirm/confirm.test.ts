import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readDeletionRow } from '../../../db/requests/row.ts';
import { DAY_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { runHousekeeping, waitForConfirmationStage } from '../../support/world/operator.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  ended,
  endedInRealTime,
  eventually,
  receiptOf,
  skippingUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';
import {
  addMany,
  checksumsOfAll,
  countLetheRows,
  NO_LETHE_ROWS,
  rowCounts,
  rowCountsWithout,
  tablesWith,
} from '../application.ts';
import { callers } from './confirming.ts';

let world: World;
let api: Awaited<ReturnType<typeof callers>>;

beforeAll(async () => {
  const policy = { callsPerMinute: 1_000_000 };
  world = await startWorld(await timeSkipping(), {
    demo: { crm: true, policy },
    unverifiable: { crm: true, crmEntry: { verification: 'none', counts: false }, policy },
  });
  api = await callers(world);
});
afterAll(async () => world.close());
beforeEach(async () => {
  for (const sql of [world.app, world.crm])
    await sql`TRUNCATE app.users, app.events, app.orders, app.newsletter, app.invoices, app.aliases CASCADE`;
});

const waitUntilCounted = (id: string) => waitForConfirmationStage(world, id);

test(
  'counts everyone except the exceptions, and deletes all 2 500 subjects after another owner confirms',
  { timeout: 300_000 },
  async () => {
    await addMany(world, 2_500);
    // Exceptions by key, by an alias, and by an address that two users share.
    await addUser(world.app, 'excluded-key');
    await addUser(world.crm, 'excluded-key');
    await addUser(world.app, 'excluded-alias');
    await world.app`INSERT INTO app.aliases VALUES ('old-name', 'excluded-alias')`;
    for (const id of ['home-1', 'home-2']) await addUser(world.app, id, { email: 'home@example.test' });
    const excluded = ['excluded-key', 'excluded-alias', 'home-1', 'home-2'];
    const excludedRows = async () =>
      Promise.all([...excluded.map((id) => rowsOf(world.app, id)), rowsOf(world.crm, 'excluded-key')]);
    const rowsBefore = await excludedRows();
    const inApp = await rowCounts(world.app);
    const inCrm = await rowCounts(world.crm);
    const before = await checksumsOfAll(world);

    const except = [
      { type: 'user_id', value: 'excluded-key' },
      { type: 'alias', value: 'old-name' },
      { type: 'email', value: ['HOME@example.test', 'berlin'] },
    ];
    const id = await api.create('ann', { kind: 'user', everyone: true, except });
    await waitUntilCounted(id);

    const waiting = await api.read(id);
    expect(waiting).toMatchObject({
      status: 'awaiting_confirmation',
      confirmation: {
        needs: 'another_owner',
        subjects: 2_500,
        except: { submitted: 3, unmatched: [] },
        confirmedAt: null,
        confirmedBy: null,
      },
      subjects: { states: { proposed: 2_500, resolved: 0, soft_deleted: 0 } },
    });
    const confirmation = waiting.confirmation as {
      counts: { system: string; tables: { table: string; rows: number }[] }[];
    };
    const counts = confirmation.counts.map(({ system, tables }) => [
      system,
      Object.fromEntries(tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows])),
    ]);
    // Two of the excluded users in `app` share an address.
    expect(counts).toEqual([
      ['app', rowCountsWithout(inApp, 4, 3)],
      ['crm', rowCountsWithout(inCrm, 1, 1)],
    ]);
    // No subject is hidden, and no row of the application has changed.
    expect(await checksumsOfAll(world)).toEqual(before);
    expect([await countLetheRows(world.app), await countLetheRows(world.crm)]).toMatchObject([
      { tombstones: 0 },
      { tombstones: 0 },
    ]);

    for (const [name, code] of [
      ['ann', 'needs_another_owner'],
      ['cid', 'needs_another_owner'],
    ] as const)
      expect(await api.confirm(name, id, 2_500)).toMatchObject({ status: 403, json: { code } });
    expect(await api.confirm('bob', id, 2_504)).toMatchObject({
      status: 409,
      json: { code: 'count_moved', subjects: 2_500 },
    });
    expect(await api.confirm('dan', id, 2_500)).toMatchObject({ status: 404 });
    expect((await statusOf(world, id)).states).toEqual({ proposed: 2_500 });
    const handle = world.env.client.workflow.getHandle(workflowIdFor(id));
    expect(await handle.query('progress')).toMatchObject({
      waitingFor: expect.stringMatching(
        /^Confirmation by another owner until .* UTC; unconfirmed, 2,500 subjects will be cancelled$/,
      ),
    });

    // Temporal's UI shows counts and no identity.
    const shown = JSON.stringify(await handle.query('__temporal_workflow_metadata'));
    expect(shown).toContain('- **To be confirmed**: 2,500 subjects');

    await world.env.sleep('2 days');
    expect(await api.confirm('bob', id, 2_500)).toMatchObject({ status: 202, json: { subjects: 2_500, attached: 0 } });
    const confirmedAt = api.clock.now;
    await eventually('hidden', async () => (await statusOf(world, id)).states.soft_deleted === 2_500);
    expect(await isHidden(world.app, 'm-2499')).toEqual({ flagged: true, hidden: true });
    expect(await isHidden(world.app, 'home-2')).toEqual({ flagged: false, hidden: false });
    // The grace period runs from the confirmation, two days after the request.
    const { hardDeleteAt } = await readDeletionRow(world.database, id);
    expect(hardDeleteAt.getTime()).toBeGreaterThanOrEqual(confirmedAt.getTime() + 14 * DAY_MS);

    expect(await ended(world, id)).toBe('completed');
    const remaining = { 'app.users': 4, 'app.events': 12, 'app.orders': 4, 'app.order_items': 8, 'app.newsletter': 3 };
    const remainingInCrm = {
      'app.users': 1,
      'app.events': 3,
      'app.orders': 1,
      'app.order_items': 2,
      'app.newsletter': 1,
    };
    expect([await rowCounts(world.app), await rowCounts(world.crm)]).toMatchObject([remaining, remainingInCrm]);
    const [named] = await world.app<
      { count: number }[]
    >`SELECT count(*)::int AS count FROM app.invoices WHERE user_id LIKE 'm-%'`;
    expect(named?.count).toBe(0);
    expect(await excludedRows()).toEqual(rowsBefore);
    expect(await receiptOf(world, id)).toMatchObject({ status: 'completed', subjects: { deleted: 2_500 } });
    expect(await api.read(id)).toMatchObject({
      confirmation: { subjects: 2_500, confirmedAt: confirmedAt.toISOString() },
    });
    const history = JSON.stringify(JSON.parse(historyToJSON(await handle.fetchHistory())), (key, value: unknown) =>
      key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value,
    );
    expect(history.includes('systemsToCount')).toBe(true);
    for (const name of ['m-17', 'excluded', 'old-name', 'home'])
      expect([name, history.includes(name)]).toEqual([name, false]);
  },
);

test('cancels all subjects, changes no row and rejects a confirmation after three days without one', async () => {
  for (const sql of [world.app, world.crm]) await addUser(sql, 'late');
  const before = await checksumsOfAll(world);
  const id = await api.create('ann', { kind: 'user', everyone: true });
  await waitUntilCounted(id);
  expect(await ended(world, id)).toBe('cancelled');
  expect(await api.confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'confirmation_expired' } });
  expect(await api.read(id)).toMatchObject({ status: 'cancelled', subjects: { states: { cancelled: 1 } } });
  expect(await checksumsOfAll(world)).toEqual(before);
  expect([await countLetheRows(world.app), await countLetheRows(world.crm)]).toEqual([NO_LETHE_ROWS, NO_LETHE_ROWS]);
  const audit = await world.sql<{ action: string }[]>`
    SELECT action FROM lethe.audit_events WHERE request_id = ${id} ORDER BY id`;
  expect(audit.map(({ action }) => action)).toEqual([
    'request.received',
    'subjects.resolved',
    'confirmation.asked',
    'confirmation.lapsed',
    'request.cancelled',
  ]);
});

test('ends at once and changes no row when a request is cancelled while it waits for its confirmation', async () => {
  for (const sql of [world.app, world.crm]) await addUser(sql, 'dry');
  const callsBefore = world.faultsOf('demo').calls.length;
  const before = await checksumsOfAll(world);
  const id = await api.create('cid', { kind: 'user', identities: [{ type: 'user_id', value: 'dry' }] });
  await waitUntilCounted(id);
  const { confirmation } = await api.read(id);
  expect(confirmation).toMatchObject({ needs: 'member', subjects: 1, except: null });
  expect(await api.call('cid', 'POST', `/v1/requests/${id}/cancel`, {})).toMatchObject({
    status: 202,
    json: { cancelled: 1 },
  });
  await eventually('ended', async () => (await statusOf(world, id)).status === 'cancelled');
  expect(await api.confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  expect(await checksumsOfAll(world)).toEqual(before);
  expect([await countLetheRows(world.app), await countLetheRows(world.crm)]).toEqual([NO_LETHE_ROWS, NO_LETHE_ROWS]);
  const [left] = await world.sql`SELECT count(value) AS count FROM lethe.submitted_identities WHERE request_id = ${id}`;
  expect(left).toEqual({ count: 0 });
  for (const verb of ['setVisibility', 'hardDelete'] as const)
    expect(world.faultsOf('demo').calls.slice(callsBefore)).not.toContain(verb);
});

test('purges submitted and excluded identities when a request ends without a confirmation', async () => {
  for (const name of ['canary-1', 'canary-2']) for (const sql of [world.app, world.crm]) await addUser(sql, name);
  const person = (value: string) => ({ type: 'user_id', value });
  const everyone = { kind: 'user', everyone: true, except: [person('canary-2'), person('canary-unmatched')] };
  const listed = { kind: 'user', identities: [person('canary-1'), person('canary-unknown')] };
  const requestIds = [await api.create('ann', everyone), await api.create('ann', listed, { suppress: true })] as const;
  for (const id of requestIds) await waitUntilCounted(id);
  expect(await tablesWith(world, 'canary')).toContain('lethe.submitted_identities');
  await api.call('ann', 'POST', `/v1/requests/${requestIds[1]}/cancel`, {});
  expect(await endedInRealTime(world, requestIds[1])).toBe('cancelled');
  expect(await ended(world, requestIds[0])).toBe('cancelled');
  expect(await tablesWith(world, 'canary')).toEqual([]);
  expect([await rowsOf(world.app, 'canary-1'), await rowsOf(world.crm, 'canary-2')]).toEqual([ALL_ROWS, ALL_ROWS]);
});

test('does not delay another request for the same subject, and shares its outcome', async () => {
  await addUser(world.app, 'twice');
  const id = await api.create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'twice' }] });
  await waitUntilCounted(id);
  const other = await submit(world, 'demo', [user('twice')]);
  await eventually('hidden', async () => (await statusOf(world, other)).states.soft_deleted === 1);
  expect(await api.confirm('bob', id, 1)).toMatchObject({ status: 202, json: { attached: 1 } });
  expect(await ended(world, other)).toBe('completed');
  expect(await ended(world, id)).toBe('completed');
  expect((await statusOf(world, id)).states).toEqual({ deleted: 1 });
  expect(await rowsOf(world.app, 'twice')).toEqual({});
});

test('raises attention and delays the confirmation while a system cannot be counted', async () => {
  for (const sql of [world.app, world.crm]) await addUser(sql, 'away');
  world.faultsOf('demo', 'crm').away.add('count');
  const id = await api.create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'away' }] });
  await skippingUntil(world, 'attention', async () => (await statusOf(world, id)).attention.length > 0);
  expect(await api.read(id)).toMatchObject({
    status: 'resolving',
    attention: [{ system: 'crm', step: 'resolve', code: 'system_unavailable' }],
    confirmation: { until: null, subjects: 1, counts: [{ system: 'app' }] },
  });
  expect(await api.confirm('bob', id, 1)).toMatchObject({ status: 409, json: { code: 'not_awaiting_confirmation' } });
  world.faultsOf('demo', 'crm').away.clear();
  await skippingUntil(world, 'counted', async () => (await statusOf(world, id)).status === 'awaiting_confirmation');
  expect((await statusOf(world, id)).attention).toEqual([]);
  expect(await api.call('ann', 'POST', `/v1/requests/${id}/cancel`, {})).toMatchObject({ status: 202 });
  await eventually('ended', async () => (await statusOf(world, id)).status === 'cancelled');
  expect(await rowsOf(world.app, 'away')).toEqual(ALL_ROWS);
});

test('lists a system without verification with null counts and does not wait for it', async () => {
  await addUser(world.app, 'unverifiable');
  const id = await api.create('dan', { kind: 'user', identities: [{ type: 'user_id', value: 'unverifiable' }] });
  await waitUntilCounted(id);
  expect(await api.read(id, 'dan')).toMatchObject({
    confirmation: { counts: [{ system: 'app' }, { system: 'crm', tables: null }] },
  });
  await api.call('dan', 'POST', `/v1/requests/${id}/cancel`, {});
  expect(await endedInRealTime(world, id)).toBe('cancelled');
});

test('continues a confirmed request when housekeeping repeats a lost signal', async () => {
  await addUser(world.app, 'lost');
  const id = await api.create('ann', { kind: 'user', identities: [{ type: 'user_id', value: 'lost' }] });
  await waitUntilCounted(id);
  const { signalConfirmed } = world.orchestrator;
  world.orchestrator.signalConfirmed = async () => {};
  expect(await api.confirm('bob', id, 1)).toMatchObject({ status: 202 });
  world.orchestrator.signalConfirmed = signalConfirmed;
  expect((await statusOf(world, id)).states).toEqual({ resolved: 1 });
  await world.sql`UPDATE lethe.requests SET attended_at = '2000-01-01' WHERE id = ${id}`;
  expect(await runHousekeeping(world)).toBe(1);
  await eventually('hidden', async () => (await statusOf(world, id)).states.soft_deleted === 1);
  expect(await ended(world, id)).toBe('completed');
});
