import { expect, test } from 'vitest';
import { reconcileDeletion } from '../../../db/deletion/reconcile.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { recordDispatched } from '../../../db/operations/outbox.ts';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { startResolving } from '../../../db/resolution/resolve.ts';
import {
  accept,
  days,
  ledger,
  POLICY,
  PROJECT,
  resolve,
  allKnown,
  START,
  statusAt,
  user,
} from '../../support/ledger.ts';

const world = await ledger();
const { database, sql } = world;
const at = days(1);
const cancel = (requestId: string, positions: readonly number[] | 'all' = 'all') =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at });
const identitiesOf = (requestId: string) => sql`
  SELECT position, value, withdrawn_at IS NOT NULL AS withdrawn FROM lethe.submitted_identities
  WHERE request_id = ${requestId} ORDER BY position`;
const auditOf = async (requestId: string) =>
  (
    await sql<{ action: string }[]>`SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`
  ).map(({ action }) => action);

test('ends a deletion that no step has read in the transaction of its cancellation', async () => {
  await sql`INSERT INTO lethe.webhooks (id, project, url, created_at, created_by)
    VALUES ('wh_unread', ${PROJECT}, 'https://x.test', ${START}, 'owner')`;
  const requestId = await accept(world, [user('a-1'), user('a-2')], { confirm: true, notify: 'colleague@x.test' });
  expect(await cancel(requestId)).toEqual({ cancelled: 2, tooLate: [], tooLateCount: 0, wake: [] });
  expect(await statusAt(database, requestId, at)).toMatchObject({
    status: 'cancelled',
    concludedAt: at,
    cancelledAt: at,
    resolvedAt: null,
  });
  expect(await identitiesOf(requestId)).toEqual([
    { position: 1, value: null, withdrawn: true },
    { position: 2, value: null, withdrawn: true },
  ]);
  expect(await auditOf(requestId)).toEqual(['request.received', 'subjects.cancelled', 'request.cancelled']);
  const [row] = await sql`SELECT receipt ->> 'status' AS receipt, notify, started_at, dispatch_at,
      (SELECT count(*)::integer FROM lethe.subjects WHERE request_id = ${requestId}) AS subjects
    FROM lethe.requests WHERE id = ${requestId}`;
  expect(row).toEqual({ receipt: 'cancelled', notify: null, startedAt: null, dispatchAt: null, subjects: 0 });
  const notified = await sql`SELECT channel, status FROM lethe.deliveries WHERE request_id = ${requestId} ORDER BY seq`;
  expect([...notified].toSorted((a, b) => String(a['channel']).localeCompare(String(b['channel'])))).toEqual([
    { channel: 'mail', status: 'cancelled' },
    { channel: 'wh_unread', status: 'received' },
    { channel: 'wh_unread', status: 'cancelled' },
  ]);
  await expect(cancel(requestId)).rejects.toMatchObject({ code: 'too_late' });
});

test('ends an export that no step has read, and signals the workflow that is already started', async () => {
  const requestId = await accept(world, [user('b-1')], { kind: 'export', format: 'csv', hardDeleteAt: null });
  await recordDispatched(database, [{ id: requestId, wakeVersion: 0 }]);
  expect((await cancel(requestId)).wake).toEqual([requestId]);
  expect(await auditOf(requestId)).toEqual(['request.received', 'subjects.cancelled', 'export.cancelled']);
  const [row] =
    await sql`SELECT status, dispatch_at IS NOT NULL AS waiting FROM lethe.requests WHERE id = ${requestId}`;
  expect(row).toEqual({ status: 'cancelled', waiting: true });
});

test('tells a workflow that starts after such a cancellation that the request has ended', async () => {
  const requestId = await accept(world, [user('c-1')]);
  await cancel(requestId);
  const input = { requestId, asOf: days(2), window: POLICY.window, configured: ['app'], directory: 'app' };
  expect(await reconcileDeletion(database, input)).toMatchObject({
    status: 'cancelled',
    concluded: true,
    needsResolution: false,
    canConclude: false,
  });
  await startResolving(database, requestId, days(2));
  expect(await statusAt(database, requestId, at)).toMatchObject({ status: 'cancelled' });
  expect(await resolve(world, requestId, allKnown([user('c-1')]))).toMatchObject({ end: 'closed' });
  const [row] = await sql`SELECT count(*)::integer AS subjects FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(row).toEqual({ subjects: 0 });
});

test('leaves the end to the workflow when a system may have the identities, or positions remain', async () => {
  const resolving = await accept(world, [user('d-1')]);
  await startResolving(database, resolving, START);
  expect((await cancel(resolving)).wake).toEqual([resolving]);
  const partly = await accept(world, [user('e-1'), user('e-2')]);
  expect(await cancel(partly, [2])).toMatchObject({ cancelled: 1, wake: [partly] });
  for (const [requestId, status] of [
    [resolving, 'resolving'],
    [partly, 'received'],
  ] as const)
    expect(await statusAt(database, requestId, at)).toMatchObject({ status, concludedAt: null });
  expect(await identitiesOf(partly)).toMatchObject([{ withdrawn: false }, { withdrawn: true }]);
});

test('decides a race between a cancellation and the first step with one end', async () => {
  for (let round = 0; round < 30; round++) {
    const requestId = await accept(world, [user(`f-${round}`)]);
    await Promise.all([cancel(requestId), startResolving(database, requestId, START)]);
    const { status, cancelledAt, concludedAt } = await statusAt(database, requestId, at);
    expect(cancelledAt).toEqual(at);
    expect([status, concludedAt !== null]).toEqual(status === 'cancelled' ? ['cancelled', true] : ['resolving', false]);
  }
});

test('accepts a request while another transaction holds the project lock', async () => {
  const requestId = await withProjectLock(database, PROJECT, () => accept(world, [user('g-1')]));
  expect(await statusAt(database, requestId, at)).toMatchObject({ status: 'received' });
});
