import { once } from 'node:events';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { placeHold } from '../../db/holds/holds.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import { newId } from '../../domain/ids.ts';
import { KEYS, POLICY, states } from '../support/ledger.ts';
import {
  batchAt,
  bystanders,
  claimedRequest,
  everything,
  FIGURES,
  figuresOf,
  hiddenRequest,
  MINE,
  otherRequest,
  perform,
  rowsIn,
  RUN,
  stepAt,
  withOtherRequest,
  withSetting,
  world,
} from './support.ts';

withSetting();
withOtherRequest();

const SETTLED = new Date(RUN.getTime() + DAY_MS);
const usersLeft = async () =>
  (await world.app<{ id: string }[]>`SELECT user_id AS id FROM app.users ORDER BY 1`).map(({ id }) => id);
/** Each of the five has one invoice, which is kept. */
const RETAINED = MINE.map((_, index) => ({ seq: index + 1, rows: 1 }));
const retainedRows = async (requestId: string) => [
  ...(await world.sql<{ seq: number; rows: number }[]>`
    SELECT seq, rows::integer AS rows FROM lethe.retained_rows WHERE request_id = ${requestId} ORDER BY seq`),
];
const reopen = () => world.sql`UPDATE lethe.batch_work SET state = 'pending'`;

test('deleteBatch: everything of the claimed goes, nothing of anybody else, and the receipt counts what went', async () => {
  const requestId = await claimedRequest(world);
  const before = await bystanders(world, otherRequest);
  expect(before.people['events']).not.toEqual([]);
  expect(await perform(world.activities.deleteBatch, batchAt(requestId, RUN))).toEqual({
    step: 'verify',
    at: RUN.getTime(),
  });
  expect(await bystanders(world, otherRequest)).toEqual(before);
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
  const left = JSON.stringify(await rowsIn(world.app, 'app')).replaceAll(/mine-\d\.theirs/g, '');
  expect(left).not.toContain('mine');
});

test('deleteBatch twice is as once, also when the first never said that it had ended', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  const once = await everything(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN), 2);
  expect(await everything(world)).toEqual(once);
  await reopen();
  expect(await perform(world.activities.deleteBatch, batchAt(requestId, RUN), 3)).toEqual({
    step: 'verify',
    at: RUN.getTime(),
  });
  expect(await everything(world)).toEqual(once);
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
});

test.each([1, 2, 3])(
  'killed between commit %i and its report: the receipt counts each row once, and none is left',
  async (nth) => {
    const requestId = await claimedRequest(world);
    const before = await bystanders(world, otherRequest);
    let told = 0;
    world.beforeReport.do = () => {
      if (++told === nth) throw new Error('killed');
    };
    await expect(perform(world.activities.deleteBatch, batchAt(requestId, RUN))).rejects.toMatchObject({
      nonRetryable: false,
    });
    expect(await world.sql`SELECT FROM lethe.system_ranges`).toHaveLength(nth - 1);
    expect(await world.app`SELECT FROM lethe_system.ranges`).toHaveLength(nth);
    expect((await usersLeft()).filter((id) => id.startsWith('mine'))).toHaveLength(Math.max(0, MINE.length - 2 * nth));
    world.beforeReport.do = null;
    await perform(world.activities.deleteBatch, batchAt(requestId, RUN), 2);
    expect(await figuresOf(world, requestId)).toEqual(FIGURES);
    expect(await retainedRows(requestId)).toEqual(RETAINED);
    expect(await usersLeft()).toEqual(['theirs-1', 'theirs-2', 'theirs-3']);
    expect(await bystanders(world, otherRequest)).toEqual(before);
  },
);

test('killed in the second pass: what came late is counted once, and the first pass stays as it was', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  await world.app`INSERT INTO app.events SELECT nextval('app.numbers'), 'mine-1', '2026-01-21', 'late' FROM generate_series(1, 4)`;
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN))).toEqual({
    step: 'delete',
    at: RUN.getTime(),
  });
  world.beforeReport.do = () => {
    throw new Error('killed');
  };
  await expect(perform(world.activities.deleteBatch, batchAt(requestId, RUN))).rejects.toThrow(
    'storage operation failed',
  );
  expect(await figuresOf(world, requestId)).toEqual(FIGURES);
  world.beforeReport.do = null;
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN), 2);
  expect(await figuresOf(world, requestId)).toEqual({ ...FIGURES, 'app.events': [19, 0] });
  expect(await retainedRows(requestId)).toEqual(RETAINED);
});

test('cancelled at the last moment before the claim: nothing is claimed, and nothing can be deleted', async () => {
  const requestId = await hiddenRequest(world);
  const before = await rowsIn(world.app, 'app');
  await cancelRequest(world.database, POLICY.window, { requestId, positions: 'all', actor: 'operator', at: RUN });
  expect(await perform(world.activities.claim, stepAt(requestId, RUN))).toEqual({ claimed: 0 });
  await expect(perform(world.activities.deleteBatch, batchAt(requestId, RUN))).rejects.toThrow(
    'storage operation failed',
  );
  expect(await rowsIn(world.app, 'app')).toEqual(before);
  expect(world.faults.calls).not.toContain('hardDelete');
});

test('a hold at the last moment before the claim: the held stay byte for byte, the others go', async () => {
  const requestId = await hiddenRequest(world);
  const id = newId('hold', RUN.getTime());
  const by = { caseRef: 'C-7', heldBy: 'counsel', actor: 'operator', at: RUN };
  const identities = [{ type: 'alias', value: ['alias-mine-2'] }];
  const held = async () => JSON.stringify(await rowsIn(world.app, 'app')).match(/[^"]*mine-2[^"]*/g);
  const before = await held();
  await placeHold(world.database, KEYS, { id, project: 'demo', kind: 'user', identities, ...by });
  expect(await perform(world.activities.claim, stepAt(requestId, RUN))).toEqual({ claimed: 4 });
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  expect(await held()).toEqual(before);
  expect(await usersLeft()).toEqual(['mine-2', 'theirs-1', 'theirs-2', 'theirs-3']);
  expect(await states(world, requestId)).toEqual({ claimed: 4, soft_deleted: 1 });
});

test('one cancelled at the last moment: restored as it was, and the others go', async () => {
  const people = async () => JSON.stringify(await rowsIn(world.app, 'app')).match(/[^"]*mine-3[^"]*/g);
  const before = await people();
  const requestId = await hiddenRequest(world);
  await cancelRequest(world.database, POLICY.window, { requestId, positions: [3], actor: 'operator', at: RUN });
  expect(await perform(world.activities.claim, stepAt(requestId, RUN))).toEqual({ claimed: 4 });
  await perform(world.activities.applyVisibility, stepAt(requestId, RUN));
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  expect(await people()).toEqual(before);
  expect(await usersLeft()).toEqual(['mine-3', 'theirs-1', 'theirs-2', 'theirs-3']);
});

test('verifyBatch twice is as once: an empty look keeps its first timestamp, and the last look ends it', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  const before = await bystanders(world, otherRequest);
  const first = { step: 'verify', at: SETTLED.getTime() };
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN))).toEqual(first);
  const { audit_events: _, ...once } = (await everything(world)).ledger;
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, new Date(RUN.getTime() + 1_000)), 2)).toEqual(
    first,
  );
  const { audit_events: __, ...twice } = (await everything(world)).ledger;
  expect(twice).toEqual(once);
  const end = { step: 'ended', end: 'verified' };
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, SETTLED))).toEqual(end);
  const ended = await everything(world);
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, SETTLED), 2)).toEqual(end);
  expect(await everything(world)).toEqual(ended);
  expect(await bystanders(world, otherRequest)).toEqual(before);
});

test('verifyBatch deletes nothing: survivors are found, counted once, and still there', async () => {
  const requestId = await claimedRequest(world);
  await perform(world.activities.deleteBatch, batchAt(requestId, RUN));
  await world.app`INSERT INTO app.events VALUES (nextval('app.numbers'), 'alias-mine-4', '2026-01-21', 'late')`;
  const rows = await rowsIn(world.app, 'app');
  const again = { step: 'delete', at: RUN.getTime() };
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN))).toEqual(again);
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN), 2)).toEqual(again);
  expect(await rowsIn(world.app, 'app')).toEqual(rows);
  expect(await world.sql`SELECT pass, survivors FROM lethe.batch_work`).toMatchObject([{ pass: 2, survivors: 1 }]);
});

test.each(['deleteBatch', 'inspectSystem'] as const)(
  '%s on a server whose inspection is slow gives signs of life meanwhile',
  async (name) => {
    const requestId = await claimedRequest(world);
    const environment = new MockActivityEnvironment();
    const alive = once(environment, 'heartbeat', { signal: AbortSignal.timeout(20_000) });
    world.beforeInspection.wait = async () => void (await alive);
    await environment.run<
      [ReturnType<typeof batchAt>],
      unknown,
      (input: ReturnType<typeof batchAt>) => Promise<unknown>
    >(world.activities[name], batchAt(requestId, RUN));
    expect(await alive).toHaveLength(1);
  },
);
