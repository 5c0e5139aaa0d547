import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fixture, batchOf, deletion, fixture, requestId, user, testContext } from '../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(3);
});
afterEach(() => db.close());

test('suppresses every identity of a subject and lifts exactly the given ones', async () => {
  const suppressed = async (): Promise<unknown[]> => {
    const [row] = await db.sql<Record<string, boolean>[]>`SELECT lethe_system.is_suppressed('user', 'u-1') AS key,
      lethe_system.is_suppressed('user', 'email', 'USER1@x.test', 'Berlin') AS email,
      lethe_system.is_suppressed('user', 'u-2') AS other`;
    return Object.values(row ?? {});
  };
  const id = requestId();
  await db.connector().hardDelete(batchOf([user(1)], { requestId: id }), deletion({ suppress: true }), testContext());
  await db.connector().conclude?.({ requestId: id, kind: 'user' }, testContext());
  expect(await suppressed()).toEqual([true, true, false]);
  await db
    .connector()
    .setSuppression?.(batchOf([[{ type: 'email', value: ['user1@x.test', 'berlin'] }]]), false, testContext());
  expect(await suppressed()).toEqual([true, false, false]);
  await db.connector().setSuppression?.(batchOf([user(2)]), true, testContext());
  await db.connector().setSuppression?.(batchOf([user(2)]), true, testContext());
  expect(await suppressed()).toEqual([true, false, true]);
  expect([
    ...(await db.sql`SELECT FROM lethe_system.batch`),
    ...(await db.sql`SELECT FROM lethe_system.tombstones`),
  ]).toEqual([]);
});
