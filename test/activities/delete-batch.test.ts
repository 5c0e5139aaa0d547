import { once } from 'node:events';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { placeHold } from '../../db/holds/holds.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { newId } from '../../domain/ids.ts';
import { KEYS, POLICY, states } from '../support/ledger.ts';
import {
  batchInput,
  rowsOfOthers,
  claimedRequest,
  allRows,
  FIGURES,
  figuresOf,
  hiddenRequest,
  SUBJECT_IDS,
  otherRequest,
  perform,
  rowsIn,
  RUN,
  stepInput,
  withOtherRequest,
  withWorldPerTest,
  world,
} from './support.ts';

withWorldPerTest();
withOtherRequest();

const SETTLED = new Date(RUN.getTime() + DAY_MS);
const usersLeft = async () =>
  (await world.app<{ id: string }[]>`SELECT user_id AS id FROM app.users ORDER BY 1`).map(({ id }) => id);
/** Each of the five has one invoice, which is kept. */
const RETAINED = SUBJECT_IDS.map((_, index) => ({ seq: index + 1, rows: 1 }));
const retainedRows = async (requestId: string) => [
  ...(await world.sql<{ seq: number; rows: number }[]>`
    SELECT seq, rows::integer AS rows FROM lethe.retained_rows WHERE request_id = ${requestId} ORDER BY seq`),
];
const reopen = () => world.sql`UPDATE lethe.batch_work SET state = 'pending'`;

test('deletes all rows of the claimed subjects and no other row, and counts them in the receipt', async () => {
  const requestId = await claimedRequest(world);
  const before = await rowsOfOthers(world, otherRequest);
  expect(before.people['events']).not.toEqual([]);
  expect(await perform(world.activities.deleteBatch, batchInput(requestId, RUN))).toEqual({
    step: 'verify',
    at: RUN.getTime(),
  });
  expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
  const left = JSON.stringify(await rowsIn(world.app, 'app')).replaceAll(/leaver-\d\.stayer/g, '');
  expect(left).not.toContain('leaver');
});

test('deletes and counts nothing twice when deleteBatch is repeated, even if the end of the first attempt was not recorded', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  const rowsAfterFirst = await allRows(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN), 2);
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  await reopen();
  expect(await perform(world.activities.deleteBatch, batchInput(requestId, RUN), 3)).toEqual({
    step: 'verify',
    at: RUN.getTime(),
  });
  expect(await allRows(world)).toEqual(rowsAfterFirst);
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
});

test.each([1, 2, 3])(
  'deletes every row and counts it once when the worker is killed between commit %i and its report',
  async (nth) => {
    const requestId = await claimedRequest(world);
    const before = await rowsOfOthers(world, otherRequest);
    let reports = 0;
    world.beforeReport.do = () => {
      if (++reports === nth) throw new Error('killed');
    };
    await expect(perform(world.activities.deleteBatch, batchInput(requestId, RUN))).rejects.toMatchObject({
      nonRetryable: false,
    });
    expect(await world.sql`SELECT FROM lethe.system_ranges`).toHaveLength(nth - 1);
    expect(await world.app`SELECT FROM lethe_system.ranges`).toHaveLength(nth);
    expect((await usersLeft()).filter((id) => id.startsWith('leaver'))).toHaveLength(
      Math.max(0, SUBJECT_IDS.length - 2 * nth),
    );
    world.beforeReport.do = null;
    await perform(world.activities.deleteBatch, batchInput(requestId, RUN), 2);
    expect(await figuresOf(world, requestId)).toEqual(FIGURES);
    expect(await retainedRows(requestId)).toEqual(RETAINED);
    expect(await usersLeft()).toEqual(['stayer-1', 'stayer-2', 'stayer-3']);
    expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
  },
);

test('counts late rows once and keeps the figures of the first pass when the worker is killed in the second', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  await world.app`INSERT INTO app.events SELECT nextval('app.numbers'), 'leaver-1', '2026-01-21', 'late' FROM generate_series(1, 4)`;
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN))).toEqual({
    step: 'delete',
    at: RUN.getTime(),
  });
  world.beforeReport.do = () => {
    throw new Error('killed');
  };
  await expect(perform(world.activities.deleteBatch, batchInput(requestId, RUN))).rejects.toThrow(
    'a database operation failed',
  );
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
  world.beforeReport.do = null;
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN), 2);
  expect(await figuresOf(world, requestId)).toEqual({ ...FIGURES, 'app.events': [19, 0] });
  expect(await retainedRows(requestId)).toEqual(RETAINED);
});

test('claims and deletes nothing when the request is cancelled just before the claim', async () => {
  const requestId = await hiddenRequest(world);
  const before = await rowsIn(world.app, 'app');
  await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: RUN });
  expect(await perform(world.activities.claimSubjects, stepInput(requestId, RUN))).toEqual({
    claimed: 0,
    leftForNextRun: 0,
  });
  await expect(perform(world.activities.deleteBatch, batchInput(requestId, RUN))).rejects.toThrow(
    'a database operation failed',
  );
  expect(await rowsIn(world.app, 'app')).toEqual(before);
  expect(world.faults.calls).not.toContain('hardDelete');
});

test('leaves the rows of a subject unchanged when a hold is placed just before the claim, and deletes the others', async () => {
  const requestId = await hiddenRequest(world);
  const id = newId('hold', RUN.getTime());
  const details = { caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at: RUN };
  const identities = [{ type: 'alias', value: ['alias-leaver-2'] }];
  const held = async () => JSON.stringify(await rowsIn(world.app, 'app')).match(/[^"]*leaver-2[^"]*/g);
  const before = await held();
  await placeHold(world.database, KEYS, { id, project: 'demo', kind: 'user', identities, ...details });
  expect(await perform(world.activities.claimSubjects, stepInput(requestId, RUN))).toEqual({
    claimed: 4,
    leftForNextRun: 0,
  });
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  expect(await held()).toEqual(before);
  expect(await usersLeft()).toEqual(['leaver-2', 'stayer-1', 'stayer-2', 'stayer-3']);
  expect(await states(world, requestId)).toEqual({ claimed: 4, soft_deleted: 1 });
});

test('restores a subject that is cancelled just before the claim, and deletes the others', async () => {
  const rowsOfSubject = async () => JSON.stringify(await rowsIn(world.app, 'app')).match(/[^"]*leaver-3[^"]*/g);
  const before = await rowsOfSubject();
  const requestId = await hiddenRequest(world);
  await cancelRequest(world.database, POLICY.window, { requestId, positions: [3], actor: 'operator', at: RUN });
  expect(await perform(world.activities.claimSubjects, stepInput(requestId, RUN))).toEqual({
    claimed: 4,
    leftForNextRun: 0,
  });
  await perform(world.activities.applyVisibility, stepInput(requestId, RUN));
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  expect(await rowsOfSubject()).toEqual(before);
  expect(await usersLeft()).toEqual(['leaver-3', 'stayer-1', 'stayer-2', 'stayer-3']);
});

test('keeps the time of the first empty verification when verifyBatch is repeated, and ends the batch after the settle period', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  const before = await rowsOfOthers(world, otherRequest);
  const first = { step: 'verify', at: SETTLED.getTime() };
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN))).toEqual(first);
  const { audit_events: _, ...rowsAfterFirst } = (await allRows(world)).ledger;
  expect(
    await perform(world.activities.verifyBatch, batchInput(requestId, new Date(RUN.getTime() + 1_000)), 2),
  ).toEqual(first);
  const { audit_events: __, ...rowsAfterSecond } = (await allRows(world)).ledger;
  expect(rowsAfterSecond).toEqual(rowsAfterFirst);
  const end = { step: 'ended', end: 'verified' };
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, SETTLED))).toEqual(end);
  const ended = await allRows(world);
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, SETTLED), 2)).toEqual(end);
  expect(await allRows(world)).toEqual(ended);
  expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
});

test('finds survivors and counts them once without deleting them when verifyBatch is repeated', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchInput(requestId, RUN));
  await world.app`INSERT INTO app.events VALUES (nextval('app.numbers'), 'alias-leaver-4', '2026-01-21', 'late')`;
  const rows = await rowsIn(world.app, 'app');
  const again = { step: 'delete', at: RUN.getTime() };
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN))).toEqual(again);
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN), 2)).toEqual(again);
  expect(await rowsIn(world.app, 'app')).toEqual(rows);
  expect(await world.sql`SELECT pass, survivors FROM lethe.batch_work`).toMatchObject([{ pass: 2, survivors: 1 }]);
});

test.each(['deleteBatch', 'inspectSystem'] as const)('%s heartbeats during a slow inspection', async (name) => {
  const requestId = await claimedRequest(world);
  const environment = new MockActivityEnvironment();
  const heartbeat = once(environment, 'heartbeat', { signal: AbortSignal.timeout(20_000) });
  world.beforeInspection.wait = async () => void (await heartbeat);
  await environment.run<
    [ReturnType<typeof batchInput>],
    unknown,
    (input: ReturnType<typeof batchInput>) => Promise<unknown>
  >(world.activities[name], batchInput(requestId, RUN));
  expect(await heartbeat).toHaveLength(1);
});
