import { expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Identity } from '../../domain/identity.ts';
import { accept, POLICY, START, states } from '../support/ledger.ts';
import { isHidden } from '../support/world/users.ts';
import {
  batchAt,
  bystanders,
  claimedRequest,
  everything,
  hiddenRequest,
  mine,
  MINE,
  otherRequest,
  perform,
  RUN,
  rowsIn,
  stepAt,
  withOtherRequest,
  withSetting,
  world,
} from './support.ts';

withSetting();
withOtherRequest();

const cancel = (requestId: string, positions: readonly number[] | 'all' = 'all') =>
  cancelRequest(world.database, POLICY.window, { requestId, positions, actor: 'operator', at: START });
/** Rows but for the audit log: being asked twice may be told twice. */
const withoutTrail = async () => {
  const { audit_events: _, ...rows } = (await everything(world)).ledger;
  return rows;
};

test('resolveSubjects twice is as once: who is meant stands in the ledger, and no row of the directory changes', async () => {
  const before = await bystanders(world, otherRequest);
  const app = await rowsIn(world.app, 'app');
  const requestId = await accept(world, [...mine, { type: 'alias', value: ['alias-mine-1'] }]);
  const first = await perform(world.activities.resolveSubjects, stepAt(requestId, START));
  expect(first).toEqual({ end: 'resolved', unresolved: 0, requestsToSignal: [] });
  const once = await withoutTrail();
  expect(once['subjects']?.filter((row) => row.includes(requestId))).toHaveLength(MINE.length);
  expect(await perform(world.activities.resolveSubjects, stepAt(requestId, START), 2)).toEqual(first);
  expect(await withoutTrail()).toEqual(once);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect(await bystanders(world, otherRequest)).toEqual(before);
});

test('resolveSubjects of what was cancelled a moment ago finds nobody', async () => {
  const requestId = await accept(world, mine);
  await cancel(requestId);
  const closed = { end: 'closed', unresolved: 0, requestsToSignal: [] };
  expect(await perform(world.activities.resolveSubjects, stepAt(requestId, START))).toEqual(closed);
  expect(await states(world, requestId)).toEqual({});
});

test('applyVisibility twice is as once: the meant are hidden, nobody else is', async () => {
  const requestId = await accept(world, mine);
  await perform(world.activities.resolveSubjects, stepAt(requestId, START));
  const before = await bystanders(world, otherRequest);
  await perform(world.activities.applyVisibility, stepAt(requestId, START));
  const once = await everything(world);
  await perform(world.activities.applyVisibility, stepAt(requestId, new Date(START.getTime() + 1_000)), 2);
  expect(await everything(world)).toEqual(once);
  // What a worker that dies before it notes the generation leaves behind.
  await world.sql`UPDATE lethe.system_visibility SET applied_generation = 0 WHERE request_id = ${requestId}`;
  await perform(world.activities.applyVisibility, stepAt(requestId, new Date(START.getTime() + 1_000)), 3);
  expect(await everything(world)).toEqual(once);
  for (const id of MINE) expect(await isHidden(world.app, id)).toEqual({ flagged: true, hidden: true });
  expect(await isHidden(world.app, 'theirs-1')).toEqual({ flagged: false, hidden: false });
  expect(await bystanders(world, otherRequest)).toEqual(before);
});

test('applyVisibility after a cancellation shows them as they were, and hides the rest', async () => {
  const requestId = await accept(world, mine);
  await perform(world.activities.resolveSubjects, stepAt(requestId, START));
  const before = await rowsIn(world.app, 'app');
  await cancel(requestId, [2]);
  await perform(world.activities.applyVisibility, stepAt(requestId, START));
  expect(await isHidden(world.app, 'mine-2')).toEqual({ flagged: false, hidden: false });
  expect(await isHidden(world.app, 'mine-1')).toEqual({ flagged: true, hidden: true });
  await cancel(requestId);
  await perform(world.activities.applyVisibility, stepAt(requestId, START));
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

test('applyVisibility leaves a flag that the application itself had set, whoever is restored', async () => {
  await world.app`UPDATE app.users SET deleted_at = '2025-06-01' WHERE user_id = 'mine-4'`;
  const before = await rowsIn(world.app, 'app');
  const requestId = await hiddenRequest(world);
  await cancel(requestId);
  await perform(world.activities.applyVisibility, stepAt(requestId, START));
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

const STRAY: readonly Identity[] = [
  { type: 'email', value: ['stray@example.test', 'berlin'] },
  { type: 'user_id', value: ['nobody'] },
];
/** An address that subscribed and never became a user: the directory does not know it, and a table does. */
async function stray(): Promise<string> {
  await world.app`INSERT INTO app.newsletter VALUES ('Stray@example.test', 'berlin', '2025-03-01')`;
  const requestId = await accept(world, STRAY);
  const end = await perform(world.activities.resolveSubjects, stepAt(requestId, START));
  expect(end).toEqual({ end: 'resolved', unresolved: 2, requestsToSignal: [] });
  return requestId;
}
const presence = async (requestId: string) =>
  world.sql<{ seq: number; present: boolean | null; state: string }[]>`
    SELECT seq, present, state FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY seq`;

test('searchUnresolved twice is as once: who is found anywhere is present, who is found nowhere is not', async () => {
  const requestId = await stray();
  const before = await bystanders(world, otherRequest);
  const app = await rowsIn(world.app, 'app');
  await perform(world.activities.searchUnresolved, stepAt(requestId, START));
  const once = await everything(world);
  expect(await presence(requestId)).toMatchObject([{ present: true }, { present: null }]);
  await perform(world.activities.searchUnresolved, stepAt(requestId, START), 2);
  expect(await everything(world)).toEqual(once);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect(await bystanders(world, otherRequest)).toEqual(before);
  await perform(world.activities.settleUnresolved, stepAt(requestId, START));
  expect(await presence(requestId)).toMatchObject([{ state: 'resolved' }, { state: 'not_found' }]);
});

test('searchUnresolved of what was cancelled a moment ago asks about nobody and marks nobody', async () => {
  const requestId = await stray();
  await cancel(requestId);
  const before = await everything(world);
  await perform(world.activities.searchUnresolved, stepAt(requestId, START));
  expect(await everything(world)).toEqual(before);
  expect(world.faults.calls).not.toContain('count');
});

test('concludeSystem twice is as once: what was kept for the request goes, what was kept for others stays', async () => {
  const neighbour = await hiddenRequest(world, [{ type: 'user_id', value: ['theirs-2'] }]);
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  for (const at of [RUN, new Date(RUN.getTime() + DAY_MS)])
    await perform(world.activities.verifyBatch, batchAt(requestId, at));
  const theirs = { ...(await bystanders(world, otherRequest)), neighbour: await keptFor(neighbour) };
  expect(Object.values(theirs.neighbour).flat()).not.toEqual([]);
  expect(Object.values(await keptFor(requestId)).flat()).not.toEqual([]);
  const app = await rowsIn(world.app, 'app');
  await perform(world.activities.concludeSystem, stepAt(requestId, RUN));
  const once = await everything(world);
  expect(Object.values(await keptFor(requestId)).flat()).toEqual([]);
  await perform(world.activities.concludeSystem, stepAt(requestId, RUN), 2);
  expect(await everything(world)).toEqual(once);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect({ ...(await bystanders(world, otherRequest)), neighbour: await keptFor(neighbour) }).toEqual(theirs);
  expect(await isHidden(world.app, 'theirs-2')).toEqual({ flagged: true, hidden: true });
});

async function keptFor(requestId: string): Promise<Record<string, string[]>> {
  const kept = await rowsIn(world.app, 'lethe_system');
  return Object.fromEntries(
    Object.entries(kept).map(([name, rows]) => [name, rows.filter((row) => row.includes(requestId))]),
  );
}
