import { expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import type { Identity } from '../../domain/identity.ts';
import { accept, POLICY, START, states } from '../support/ledger.ts';
import { isHidden } from '../support/world/users.ts';
import {
  batchInput,
  rowsOfOthers,
  claimedRequest,
  allRows,
  hiddenRequest,
  subjectIdentities,
  SUBJECT_IDS,
  otherRequest,
  perform,
  RUN,
  rowsIn,
  stepInput,
  withOtherRequest,
  withWorldPerTest,
  world,
} from './support.ts';

withWorldPerTest();
withOtherRequest();

const cancel = (requestId: string, positions: readonly number[] | 'all' = 'all') =>
  cancelRequest(world.database, POLICY.window, { requestId, positions, actor: 'operator', at: START });
/** The rows without the audit log, which may record a repeated activity twice. */
const withoutAuditLog = async () => {
  const { audit_events: _, ...rows } = (await allRows(world)).ledger;
  return rows;
};

test('stores the subjects once and changes no row of the directory when resolveSubjects is repeated', async () => {
  const before = await rowsOfOthers(world, otherRequest);
  const app = await rowsIn(world.app, 'app');
  const requestId = await accept(world, [...subjectIdentities, { type: 'alias', value: ['alias-leaver-1'] }]);
  const first = await perform(world.activities.resolveSubjects, stepInput(requestId, START));
  expect(first).toEqual({ end: 'resolved', unresolved: 0, requestsToSignal: [] });
  const rowsAfterFirst = await withoutAuditLog();
  expect(rowsAfterFirst['subjects']?.filter((row) => row.includes(requestId))).toHaveLength(SUBJECT_IDS.length);
  expect(await perform(world.activities.resolveSubjects, stepInput(requestId, START), 2)).toEqual(first);
  expect(await withoutAuditLog()).toEqual(rowsAfterFirst);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
});

test('stores no subject when the request was cancelled before resolveSubjects', async () => {
  const requestId = await accept(world, subjectIdentities);
  await cancel(requestId);
  const closed = { end: 'closed', unresolved: 0, requestsToSignal: [] };
  expect(await perform(world.activities.resolveSubjects, stepInput(requestId, START))).toEqual(closed);
  expect(await states(world, requestId)).toEqual({});
});

test('hides only the subjects of the request when applyVisibility is repeated', async () => {
  const requestId = await accept(world, subjectIdentities);
  await perform(world.activities.resolveSubjects, stepInput(requestId, START));
  const before = await rowsOfOthers(world, otherRequest);
  await perform(world.activities.applyVisibility, stepInput(requestId, START));
  const rowsAfterFirst = await allRows(world);
  await perform(world.activities.applyVisibility, stepInput(requestId, new Date(START.getTime() + 1_000)), 2);
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  // As after a worker that was killed before it recorded the generation.
  await world.sql`UPDATE lethe.system_visibility SET applied_generation = 0 WHERE request_id = ${requestId}`;
  await perform(world.activities.applyVisibility, stepInput(requestId, new Date(START.getTime() + 1_000)), 3);
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  for (const id of SUBJECT_IDS) expect(await isHidden(world.app, id)).toEqual({ flagged: true, hidden: true });
  expect(await isHidden(world.app, 'stayer-1')).toEqual({ flagged: false, hidden: false });
  expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
});

test('restores cancelled subjects and keeps the others hidden when applyVisibility runs after a cancellation', async () => {
  const requestId = await accept(world, subjectIdentities);
  await perform(world.activities.resolveSubjects, stepInput(requestId, START));
  const before = await rowsIn(world.app, 'app');
  await cancel(requestId, [2]);
  await perform(world.activities.applyVisibility, stepInput(requestId, START));
  expect(await isHidden(world.app, 'leaver-2')).toEqual({ flagged: false, hidden: false });
  expect(await isHidden(world.app, 'leaver-1')).toEqual({ flagged: true, hidden: true });
  await cancel(requestId);
  await perform(world.activities.applyVisibility, stepInput(requestId, START));
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

test('keeps a flag that the application had set itself when applyVisibility restores the subject', async () => {
  await world.app`UPDATE app.users SET deleted_at = '2025-06-01' WHERE user_id = 'leaver-4'`;
  const before = await rowsIn(world.app, 'app');
  const requestId = await hiddenRequest(world);
  await cancel(requestId);
  await perform(world.activities.applyVisibility, stepInput(requestId, START));
  expect(await rowsIn(world.app, 'app')).toEqual(before);
});

const UNKNOWN_IDENTITIES: readonly Identity[] = [
  { type: 'email', value: ['stray@example.test', 'berlin'] },
  { type: 'user_id', value: ['unknown'] },
];
/** A request with an address that only the newsletter table knows, and an identity that no table knows. */
async function requestWithUnknownIdentities(): Promise<string> {
  await world.app`INSERT INTO app.newsletter VALUES ('Stray@example.test', 'berlin', '2025-03-01')`;
  const requestId = await accept(world, UNKNOWN_IDENTITIES);
  const end = await perform(world.activities.resolveSubjects, stepInput(requestId, START));
  expect(end).toEqual({ end: 'resolved', unresolved: 2, requestsToSignal: [] });
  return requestId;
}
const presenceOf = async (requestId: string) =>
  world.sql<{ seq: number; present: boolean | null; state: string }[]>`
    SELECT seq, present, state FROM lethe.subjects WHERE request_id = ${requestId} ORDER BY seq`;

test('marks only identities with data as present when searchUnresolved is repeated', async () => {
  const requestId = await requestWithUnknownIdentities();
  const before = await rowsOfOthers(world, otherRequest);
  const app = await rowsIn(world.app, 'app');
  await perform(world.activities.searchUnresolved, stepInput(requestId, START));
  const rowsAfterFirst = await allRows(world);
  expect(await presenceOf(requestId)).toMatchObject([{ present: true }, { present: null }]);
  await perform(world.activities.searchUnresolved, stepInput(requestId, START), 2);
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
  await perform(world.activities.settleUnresolved, stepInput(requestId, START));
  expect(await presenceOf(requestId)).toMatchObject([{ state: 'resolved' }, { state: 'not_found' }]);
});

test('calls no system and marks no subject when the request was cancelled before searchUnresolved', async () => {
  const requestId = await requestWithUnknownIdentities();
  await cancel(requestId);
  const before = await allRows(world);
  await perform(world.activities.searchUnresolved, stepInput(requestId, START));
  expect(await allRows(world)).toEqual(before);
  expect(world.faults.calls).not.toContain('count');
});

test('removes only what the system keeps for the request when cleanUpSystem is repeated', async () => {
  const neighbor = await hiddenRequest(world, [{ type: 'user_id', value: ['stayer-2'] }]);
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  for (const at of [RUN, new Date(RUN.getTime() + DAY_MS)])
    await perform(world.activities.verifyBatch, batchInput(requestId, at));
  const others = { ...(await rowsOfOthers(world, otherRequest)), neighbor: await readKeptRows(neighbor) };
  expect(Object.values(others.neighbor).flat()).not.toEqual([]);
  expect(Object.values(await readKeptRows(requestId)).flat()).not.toEqual([]);
  const app = await rowsIn(world.app, 'app');
  await perform(world.activities.cleanUpSystem, stepInput(requestId, RUN));
  const rowsAfterFirst = await allRows(world);
  expect(Object.values(await readKeptRows(requestId)).flat()).toEqual([]);
  await perform(world.activities.cleanUpSystem, stepInput(requestId, RUN), 2);
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  expect(await rowsIn(world.app, 'app')).toEqual(app);
  expect({ ...(await rowsOfOthers(world, otherRequest)), neighbor: await readKeptRows(neighbor) }).toEqual(others);
  expect(await isHidden(world.app, 'stayer-2')).toEqual({ flagged: true, hidden: true });
});

async function readKeptRows(requestId: string): Promise<Record<string, string[]>> {
  const kept = await rowsIn(world.app, 'lethe_system');
  return Object.fromEntries(
    Object.entries(kept).map(([name, rows]) => [name, rows.filter((row) => row.includes(requestId))]),
  );
}
