import { beforeEach, expect, test } from 'vitest';
import { cancelRequest } from '../../db/requests/cancel.ts';
import { buildReceipt } from '../../db/deletion/receipt.ts';
import { accept, POLICY, START, states } from '../support/ledger.ts';
import {
  batchAt,
  bystanders,
  everything,
  mine,
  otherRequest,
  perform,
  RUN,
  stepAt,
  withOtherRequest,
  withSetting,
  world,
} from './support.ts';

/** A part-deletion, as its activities do it: what deleting promises, emptying promises too. */
withSetting();
beforeEach(async () => {
  for (const sql of [world.app, world.elsewhere]) await sql`UPDATE app.events SET ip = '10.1.2.3', sdk = 'web'`;
});
withOtherRequest();

const SCOPES = ['categories', 'sources'] as const;
const EMPTIED = { categories: ['app.users', 5], sources: ['app.events', 15] } as const;

async function scheduledRequest(scope: (typeof SCOPES)[number]): Promise<string> {
  const requestId = await accept(world, mine, { scope });
  const at = stepAt(requestId, START);
  await perform(world.activities.resolveSubjects, at);
  await perform(world.activities.reconcileDeletion, at);
  expect(await states(world, requestId)).toEqual({ scheduled: 5 });
  return requestId;
}
async function claimedRequest(scope: (typeof SCOPES)[number]): Promise<string> {
  const requestId = await scheduledRequest(scope);
  expect(await perform(world.activities.claim, stepAt(requestId, RUN))).toMatchObject({ claimed: 5 });
  return requestId;
}
async function blanked(requestId: string) {
  const { systems } = await buildReceipt(world.database, requestId);
  const tables = systems.flatMap((system) => system.tables);
  expect(tables.filter(({ removed }) => removed > 0)).toEqual([]);
  return tables.flatMap(({ table, blanked: rows }) => (rows > 0 ? [[table, rows]] : []));
}
const deleteBatch = (requestId: string, attempt = 1) =>
  perform(world.activities.deleteBatch, batchAt(requestId, RUN), attempt);

test.each(SCOPES)('%s: empties what is claimed, nothing of anybody else, and twice is as once', async (scope) => {
  const requestId = await claimedRequest(scope);
  const before = await bystanders(world, otherRequest);
  expect(before.people['events']).not.toEqual([]);
  expect(await deleteBatch(requestId)).toEqual({ step: 'verify', at: RUN.getTime() });
  expect(await bystanders(world, otherRequest)).toEqual(before);
  expect(await blanked(requestId)).toEqual([EMPTIED[scope]]);
  const once = await everything(world);
  await deleteBatch(requestId, 2);
  expect(await everything(world)).toEqual(once);
  await world.sql`UPDATE lethe.batch_work SET state = 'pending' WHERE request_id = ${requestId}`;
  await deleteBatch(requestId, 3);
  expect(await everything(world)).toEqual(once);
});

test.each([1, 2, 3])(
  'killed between commit %i and its report: the receipt counts each emptied row once',
  async (nth) => {
    const requestId = await claimedRequest('sources');
    const before = await bystanders(world, otherRequest);
    let told = 0;
    world.beforeReport.do = () => {
      if (++told === nth) throw new Error('killed');
    };
    await expect(deleteBatch(requestId)).rejects.toMatchObject({ nonRetryable: false });
    expect(await blanked(requestId)).not.toEqual([EMPTIED.sources]);
    world.beforeReport.do = null;
    await deleteBatch(requestId, 2);
    expect(await blanked(requestId)).toEqual([EMPTIED.sources]);
    expect(await bystanders(world, otherRequest)).toEqual(before);
    expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN))).toMatchObject({ step: 'verify' });
  },
);

test('withdrawn at the last moment it empties nobody who was withdrawn', async () => {
  const requestId = await scheduledRequest('categories');
  const by = { requestId, positions: [2], actor: 'operator', at: RUN };
  await cancelRequest(world.database, POLICY.window, by);
  expect(await perform(world.activities.claim, stepAt(requestId, RUN))).toMatchObject({ claimed: 4 });
  await deleteBatch(requestId);
  const named = await world.app`SELECT user_id FROM app.users WHERE name IS NOT NULL AND user_id LIKE 'mine-%'`;
  expect(named).toEqual([{ user_id: 'mine-2' }]);
  expect(await blanked(requestId)).toEqual([['app.users', 4]]);
});

test('looked at again after another wrote into it, it is not called empty', async () => {
  const requestId = await claimedRequest('sources');
  await deleteBatch(requestId);
  await world.app`UPDATE app.events SET utm_source = 'again' WHERE user_id = 'mine-3'`;
  expect(await perform(world.activities.verifyBatch, batchAt(requestId, RUN))).toMatchObject({ step: 'delete' });
  await deleteBatch(requestId);
  expect(await blanked(requestId)).toEqual([['app.events', 17]]);
});
