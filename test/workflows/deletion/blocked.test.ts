import { afterEach, expect, test } from 'vitest';
import { readDeletionRow } from '../../../db/requests/row.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { workflowIdFor } from '../../../domain/ids.ts';
import { user } from '../../support/ledger.ts';
import { addUser, isHidden, rowsOf, ALL_ROWS } from '../../support/world/users.ts';
import {
  cancel,
  endedInRealTime,
  ended,
  eventually,
  nowOf,
  receiptOf,
  retry,
  skippingUntil,
  sleepUntil,
  statusOf,
  submit,
} from '../../support/world/actions.ts';
import { withWorld } from '../../support/world/world.ts';

const world = await withWorld({ demo: {} });

/** A constraint that rejects the unlinked invoice of one user. */
const block = (id: string) =>
  world.app.unsafe(`
    ALTER TABLE app.invoices ADD COLUMN IF NOT EXISTS tag text;
    UPDATE app.invoices SET tag = NULL;
    UPDATE app.invoices SET tag = 'kept' WHERE user_id = '${id}';
    ALTER TABLE app.invoices ADD CONSTRAINT keeps_owner CHECK (tag IS NULL OR user_id IS NOT NULL)`);
const unblock = () => world.app`ALTER TABLE app.invoices DROP CONSTRAINT IF EXISTS keeps_owner`;
afterEach(unblock);
const statesOf = async (requestId: string) => (await statusOf(world, requestId)).states;

async function submitThree(prefix: string): Promise<{ requestId: string; ids: [string, string, string] }> {
  const ids: [string, string, string] = [`${prefix}-1`, `${prefix}-2`, `${prefix}-3`];
  await Promise.all(ids.map((id) => addUser(world.app, id)));
  await block(ids[1]);
  return { requestId: await submit(world, 'demo', ids.map(user)), ids };
}

const untilOthersAreDeleted = (requestId: string) =>
  skippingUntil(world, 'the others are deleted', async () => (await statesOf(requestId)).deleted === 2, '1 day');

test('deletes the others, names the blocked position in Temporal, and completes after it is cancelled', async () => {
  const { requestId, ids } = await submitThree('c');
  await untilOthersAreDeleted(requestId);
  const blocked = [{ table: 'app.invoices', constraint: 'keeps_owner', subjects: 1, positions: [2] }];
  expect((await statusOf(world, requestId)).attention).toMatchObject([{ code: 'blocked_by_other_rows', blocked }]);
  expect(await rowsOf(world.app, ids[0])).toEqual({});
  expect(await rowsOf(world.app, ids[1])).toEqual(ALL_ROWS);
  const handle = world.env.client.workflow.getHandle(workflowIdFor(requestId));
  const details = await handle.query<{ toString(): string }>('__temporal_workflow_metadata');
  expect(JSON.stringify(details)).toContain(
    '1 subject (position 2) is blocked by app.invoices, constraint keeps_owner.',
  );
  expect(await cancel(world, requestId, [2])).toMatchObject({ cancelled: 1, tooLateCount: 0 });
  expect(await endedInRealTime(world, requestId)).toBe('completed');
  expect(await rowsOf(world.app, ids[1])).toEqual(ALL_ROWS);
  expect(await isHidden(world.app, ids[1])).toEqual({ flagged: false, hidden: false });
  const { outcomes, systems } = await receiptOf(world, requestId);
  expect(outcomes).toEqual({ cancelled: 1, deleted: 2 });
  expect(systems[0]?.tables.find(({ table }) => table === 'app.users')?.removed).toBe(2);
  await unblock();
});

test('deletes a blocked subject on a retry during the settle period, and counts each row once', async () => {
  const { requestId, ids } = await submitThree('r');
  await eventually('soft-deleted', async () => (await statesOf(requestId)).soft_deleted === 3);
  await sleepUntil(world, (await readDeletionRow(world.database, requestId)).hardDeleteAt);
  await eventually('attention', async () => (await statusOf(world, requestId)).attention.length > 0);
  expect(await statesOf(requestId)).toEqual({ claimed: 3 });
  await unblock();
  const before = await nowOf(world);
  await retry(world, requestId);
  await eventually('deleted without waiting', async () => Object.keys(await rowsOf(world.app, ids[1])).length === 0);
  expect((await nowOf(world)).getTime() - before.getTime()).toBeLessThan(HOUR_MS);
  expect(await ended(world, requestId)).toBe('completed');
  const { systems } = await receiptOf(world, requestId);
  expect(systems[0]?.tables.find(({ table }) => table === 'app.users')?.removed).toBe(3);
  expect(systems[0]?.tables.find(({ table }) => table === 'app.invoices')?.retained).toMatchObject([{ rows: 3 }]);
});

test('tries a blocked subject again by itself after a day', async () => {
  const { requestId } = await submitThree('d');
  await untilOthersAreDeleted(requestId);
  await unblock();
  expect(await ended(world, requestId)).toBe('completed');
  expect((await statusOf(world, requestId)).states).toEqual({ deleted: 3 });
});
