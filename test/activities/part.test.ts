import { beforeEach, expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { buildReceipt } from '../../db/deletion/receipt.ts';
import { accept, POLICY, START, states } from '../support/ledger.ts';
import {
  batchInput,
  rowsOfOthers,
  allRows,
  subjectIdentities,
  otherRequest,
  perform,
  RUN,
  stepInput,
  withOtherRequest,
  withWorldPerTest,
  world,
} from './support.ts';

// The activities of a part deletion give the same guarantees as those of other deletions.
withWorldPerTest();
beforeEach(async () => {
  for (const sql of [world.app, world.elsewhere]) await sql`UPDATE app.events SET ip = '10.1.2.3', sdk = 'web'`;
});
withOtherRequest();

const SCOPES = ['categories', 'sources'] as const;
const CLEARED = { categories: ['app.users', 5], sources: ['app.events', 15] } as const;

async function scheduledRequest(scope: (typeof SCOPES)[number]): Promise<string> {
  const requestId = await accept(world, subjectIdentities, { scope });
  const at = stepInput(requestId, START);
  await perform(world.activities.resolveSubjects, at);
  await perform(world.activities.reconcileDeletion, at);
  expect(await states(world, requestId)).toEqual({ scheduled: 5 });
  return requestId;
}
async function claimedRequest(scope: (typeof SCOPES)[number]): Promise<string> {
  const requestId = await scheduledRequest(scope);
  expect(await perform(world.activities.claimSubjects, stepInput(requestId, RUN))).toMatchObject({ claimed: 5 });
  return requestId;
}
async function blanked(requestId: string) {
  const { systems } = await buildReceipt(world.database, requestId);
  const tables = systems.flatMap((system) => system.tables);
  expect(tables.filter(({ removed }) => removed !== 0)).toEqual([]);
  return tables.flatMap(({ table, blanked: rows }) => (rows > 0 ? [[table, rows]] : []));
}
const deleteBatch = (requestId: string, attempt = 1) =>
  perform(world.activities.deleteBatch, batchInput(requestId, RUN), attempt);

test.each(SCOPES)(
  'clears only the columns of the claimed subjects, idempotently, when the scope is %s',
  async (scope) => {
    const requestId = await claimedRequest(scope);
    const before = await rowsOfOthers(world, otherRequest);
    expect(before.people['events']).not.toEqual([]);
    expect(await deleteBatch(requestId)).toEqual({ step: 'verify', at: RUN.getTime() });
    expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
    expect(await blanked(requestId)).toEqual([CLEARED[scope]]);
    const rowsAfterFirst = await allRows(world);
    await deleteBatch(requestId, 2);
    expect(await allRows(world)).toEqual(rowsAfterFirst);
    await world.sql`UPDATE lethe.batch_work SET state = 'pending' WHERE request_id = ${requestId}`;
    await deleteBatch(requestId, 3);
    expect(await allRows(world)).toEqual(rowsAfterFirst);
  },
);

test.each([1, 2, 3])(
  'counts each cleared row once when the worker is killed between commit %i and its report',
  async (nth) => {
    const requestId = await claimedRequest('sources');
    const before = await rowsOfOthers(world, otherRequest);
    let reports = 0;
    world.beforeReport.do = () => {
      if (++reports === nth) throw new Error('killed');
    };
    await expect(deleteBatch(requestId)).rejects.toMatchObject({ nonRetryable: false });
    expect(await blanked(requestId)).not.toEqual([CLEARED.sources]);
    world.beforeReport.do = null;
    await deleteBatch(requestId, 2);
    expect(await blanked(requestId)).toEqual([CLEARED.sources]);
    expect(await rowsOfOthers(world, otherRequest)).toEqual(before);
    expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN))).toMatchObject({ step: 'verify' });
  },
);

test('does not clear columns of a subject that is cancelled just before the claim', async () => {
  const requestId = await scheduledRequest('categories');
  const cancellation = { requestId, positions: [2], actor: 'operator', at: RUN };
  await cancelRequest(world.database, POLICY.window, cancellation);
  expect(await perform(world.activities.claimSubjects, stepInput(requestId, RUN))).toMatchObject({ claimed: 4 });
  await deleteBatch(requestId);
  const uncleared = await world.app`SELECT user_id FROM app.users WHERE name IS NOT NULL AND user_id LIKE 'leaver-%'`;
  expect(uncleared).toEqual([{ user_id: 'leaver-2' }]);
  expect(await blanked(requestId)).toEqual([['app.users', 4]]);
});

test('clears columns again when the verification finds a new value', async () => {
  const requestId = await claimedRequest('sources');
  await deleteBatch(requestId);
  await world.app`UPDATE app.events SET utm_source = 'again' WHERE user_id = 'leaver-3'`;
  expect(await perform(world.activities.verifyBatch, batchInput(requestId, RUN))).toMatchObject({ step: 'delete' });
  await deleteBatch(requestId);
  expect(await blanked(requestId)).toEqual([['app.events', 17]]);
});
