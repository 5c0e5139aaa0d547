import { readDeletionRow } from '../../../db/requests/row.ts';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { childWorkflowIdFor, workflowIdFor } from '../../../domain/ids.ts';
import { utcText } from '../../../domain/wording/format.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  ended,
  eventually,
  expedite,
  hold,
  nowOf,
  receiptOf,
  release,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';

const world = await withWorld({ demo: {}, open: { policy: { window: null } } });

const waitUntilSoftDeleted = (requestId: string, count = 1) =>
  eventually('soft-deleted', async () => (await statusOf(world, requestId)).states.soft_deleted === count);

test('hides the subject at once and deletes it at the first run after the grace period', async () => {
  await addUser(world.app, 'u-1');
  await addUser(world.app, 'bystander');
  const requestId = await submit(world, 'demo', [user('u-1')]);
  await waitUntilSoftDeleted(requestId);
  expect(await isHidden(world.app, 'u-1')).toEqual({ flagged: true, hidden: true });
  expect(await isHidden(world.app, 'bystander')).toEqual({ flagged: false, hidden: false });
  const { hardDeleteAt, receivedAt } = await readDeletionRow(world.database, requestId);
  expect(hardDeleteAt.getTime() % DAY_MS).toBe(2 * HOUR_MS);
  expect(hardDeleteAt.getTime() - receivedAt.getTime()).toBeGreaterThanOrEqual(14 * DAY_MS);
  expect(hardDeleteAt.getTime() - receivedAt.getTime()).toBeLessThan(15 * DAY_MS);
  await sleepUntil(world, new Date(hardDeleteAt.getTime() - 60_000));
  expect(await rowsOf(world.app, 'u-1')).toEqual(ALL_ROWS);
  expect(world.faultsOf('demo').calls).not.toContain('hardDelete');
  await sleepUntil(world, new Date(hardDeleteAt.getTime() + 60_000));
  await eventually('deleted', async () => Object.keys(await rowsOf(world.app, 'u-1')).length === 0);
  await eventually('verifying', async () => (await statusOf(world, requestId)).status === 'verifying');
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'bystander')).toEqual(ALL_ROWS);
  const receipt = await receiptOf(world, requestId);
  expect(receipt).toMatchObject({ status: 'completed', final: true, subjects: { deleted: 1 } });
  expect(receipt.systems).toMatchObject([{ system: 'app', state: 'verified', survivors: 0 }]);
});

/** The activities and timers of a history, and the summary that the UI shows for each. */
async function summariesOf(workflowId: string): Promise<readonly (readonly [string, string | null])[]> {
  const { events } = await world.env.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const name =
      event.activityTaskScheduledEventAttributes?.activityType?.name ??
      (event.timerStartedEventAttributes ? 'timer' : undefined);
    const summary = event.userMetadata?.summary?.data;
    return name === undefined ? [] : [[name, summary ? String(JSON.parse(Buffer.from(summary).toString())) : null]];
  });
}

test('shows a summary for every activity and timer, and describes each handler', async () => {
  await addUser(world.app, 'u-6');
  const requestId = await submit(world, 'demo', [user('u-6')]);
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  await waitUntilSoftDeleted(requestId);
  const { hardDeleteAt } = await readDeletionRow(world.database, requestId);
  const graceUntil = `Grace period until ${utcText(hardDeleteAt.getTime())}; can be cancelled until then`;
  await eventually('waits for its run', async () => {
    const { waitingFor } = await handle.query<{ waitingFor: string }>('progress');
    return waitingFor === graceUntil;
  });
  const { currentDetails, definition } = await handle.query<{
    currentDetails: string;
    definition: Record<'queryDefinitions' | 'signalDefinitions', { name: string; description: string }[]>;
  }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain(`- **Waits for**: ${graceUntil}`);
  const handlers = [...definition.queryDefinitions, ...definition.signalDefinitions];
  expect(handlers.map(({ name }) => name)).toEqual(expect.arrayContaining(['progress', 'requestChanged']));
  expect(handlers.filter(({ description }) => !description)).toEqual([]);
  expect(await ended(world, requestId)).toBe('completed');
  const parent = await summariesOf(workflowIdFor(requestId));
  const child = await summariesOf(childWorkflowIdFor(requestId, 'app', 1));
  expect([...parent, ...child].filter(([, summary]) => summary === null)).toEqual([]);
  expect(parent).toContainEqual(['timer', graceUntil]);
  expect(child).toContainEqual(['deleteBatch', 'Delete batch 1 from app']);
  expect(child).toContainEqual([
    'timer',
    expect.stringMatching(/^Verification at .* UTC, after the settle period or when the system has acted$/),
  ]);
});

test('restores the subject and deletes nothing when the request is cancelled on day 3', async () => {
  await addUser(world.app, 'u-2');
  const requestId = await submit(world, 'demo', [user('u-2')]);
  await waitUntilSoftDeleted(requestId);
  const deletions = world.faultsOf('demo').calls.filter((verb) => verb === 'hardDelete').length;
  await world.env.sleep('3 days');
  await cancel(world, requestId, 'all');
  expect(await ended(world, requestId)).toBe('cancelled');
  expect(await isHidden(world.app, 'u-2')).toEqual({ flagged: false, hidden: false });
  await world.env.sleep('30 days');
  expect(await rowsOf(world.app, 'u-2')).toEqual(ALL_ROWS);
  expect(world.faultsOf('demo').calls.filter((verb) => verb === 'hardDelete')).toHaveLength(deletions);
});

test('deletes a held subject at the run after the release, not at its own run', async () => {
  await addUser(world.app, 'u-3');
  const requestId = await submit(world, 'demo', [user('u-3')]);
  await waitUntilSoftDeleted(requestId);
  await world.env.sleep('10 days');
  const { id } = await hold(world, 'demo', [user('u-3')]);
  await world.env.sleep('30 days');
  expect(await rowsOf(world.app, 'u-3')).toEqual(ALL_ROWS);
  expect(await isHidden(world.app, 'u-3')).toEqual({ flagged: true, hidden: true });
  const status = await statusOf(world, requestId);
  expect(status).toMatchObject({ status: 'grace', heldSubjects: 1 });
  const releasedAt = await nowOf(world);
  await release(world, 'demo', id);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-3')).toEqual({});
  const [{ at } = { at: new Date(0) }] = await world.sql<{ at: Date }[]>`
    SELECT claimed_at AS at FROM lethe.subjects WHERE request_id = ${requestId}`;
  expect(at.getTime()).toBeGreaterThan(releasedAt.getTime());
  expect(at.getTime() - releasedAt.getTime()).toBeLessThan(DAY_MS + HOUR_MS);
});

test('runs no statement until the release when a subject is held and the project has no run window', async () => {
  await addUser(world.app, 'u-4');
  const requestId = await submit(world, 'open', [user('u-4')]);
  await waitUntilSoftDeleted(requestId);
  const { id } = await hold(world, 'open', [user('u-4')]);
  await world.env.sleep('14 days');
  const before = world.statements.length;
  await world.env.sleep('15 days');
  expect(world.statements.length - before).toBe(0);
  expect(await rowsOf(world.app, 'u-4')).toEqual(ALL_ROWS);
  await release(world, 'open', id);
  expect(await ended(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, 'u-4')).toEqual({});
});

test('deletes the subject at once and records it in the audit log when the request is expedited to now', async () => {
  await addUser(world.app, 'u-5');
  const requestId = await submit(world, 'demo', [user('u-5')]);
  await waitUntilSoftDeleted(requestId);
  await world.env.sleep('1 day');
  await expedite(world, requestId, 'now');
  await eventually('deleted', async () => Object.keys(await rowsOf(world.app, 'u-5')).length === 0);
  expect(await ended(world, requestId)).toBe('completed');
  const audit = await world.sql<
    { action: string }[]
  >`SELECT action FROM lethe.audit_events WHERE request_id = ${requestId} ORDER BY id`;
  expect(audit.map(({ action }) => action)).toContain('request.expedited');
});

test('ends as not_found with a receipt and hides no subject when no system has data', async () => {
  const requestId = await submit(world, 'demo', [user('unknown')]);
  expect(await ended(world, requestId)).toBe('not_found');
  expect(await isHidden(world.app, 'unknown')).toEqual({ flagged: false, hidden: false });
  expect(await receiptOf(world, requestId)).toMatchObject({
    status: 'not_found',
    final: true,
    outcomes: { not_found: 1 },
  });
});
