import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPostgres, systemSql } from '../../../../connectors/postgres/index.ts';
import {
  batchOf,
  deletion,
  type Fixture,
  fixture,
  requestId,
  SETTINGS,
  testContext,
  user,
  withUser,
} from '../../fixture.ts';

let db: Fixture;
beforeEach(async () => {
  db = await fixture(3);
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'one/app' }));
});
afterEach(() => db.close());

const open = (project: string) =>
  openPostgres(SETTINGS, { system: `${project}/app`, secret: () => db.url }, { backoffMs: 1 });
const isHidden = async (system: string): Promise<unknown> =>
  db.sql.begin(async (tx) => {
    await tx`SELECT set_config('lethe.system', ${system}, true)`;
    const [row] = await tx<{ hidden: unknown }[]>`SELECT lethe_system.is_hidden('user', 'u-1') AS hidden`;
    return row?.hidden;
  });

test('keeps the identity types of a system when another project prepares a system of the same name', async () => {
  const types = () => db.sql`SELECT * FROM lethe_system.identity_types WHERE system = 'one/app' ORDER BY kind, type`;
  const before = [...(await types())];
  await db.sql.unsafe(systemSql(withUser({ identities: {} }), { system: 'two/app' }));
  expect([...(await types())]).toEqual(before);
  expect(await open('one').inspect()).toEqual([]);
});

test('tells hidden subjects of two projects apart when the application names its system', async () => {
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'two/app' }));
  const change = { hidden: true, generation: 1, at: new Date('2026-01-01') };
  await open('one').setVisibility?.(batchOf([user(1)], { batch: 'g1' }), change, testContext());
  expect(await isHidden('one/app')).toBe(true);
  expect(await isHidden('two/app')).toBe(false);
  expect(await isHidden('')).toBe(true);
});

test('does not conclude or repeat the ranges of another project that uses the same database', async () => {
  await db.sql.unsafe(systemSql(SETTINGS, { system: 'two/app' }));
  const id = requestId();
  const batch = batchOf([user(1)], { requestId: id });
  await open('one').hardDelete(batch, deletion(), testContext());
  await open('two').conclude?.({ requestId: id, kind: 'user' }, testContext());
  const rows = await db.sql`SELECT DISTINCT system FROM lethe_system.ranges`;
  expect([...rows]).toEqual([{ system: 'one/app' }]);
});
