import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connector } from '../../../connectors/connector.ts';
import { type Fixture, batchOf, deletion, fixture, requestId, user, testContext } from '../fixture.ts';

let db: Fixture;
let connector: Connector;
beforeEach(async () => {
  db = await fixture(30);
  connector = db.connector();
});
afterEach(() => db.close());

const AT = new Date('2026-02-01T00:00:00.123Z');
const setHidden = (batch: ReturnType<typeof batchOf>, generation: number, hidden: boolean, at = AT) =>
  connector.setVisibility?.(batch, { hidden, generation, at }, testContext());

const flags = async (): Promise<Record<string, string | null>> => {
  const rows = await db.sql<
    { id: string; at: Date | null }[]
  >`SELECT user_id AS id, deleted_at AS at FROM app.users WHERE user_id IN ('u-1', 'u-2', 'u-3')`;
  return Object.fromEntries(rows.map(({ id, at }) => [id, at?.toISOString() ?? null]));
};

test('restores only the value that Lethe wrote and keeps soft deletions of the application', async () => {
  await db.sql`UPDATE app.users SET deleted_at = '2025-01-01' WHERE user_id = 'u-1'`;
  const batch = batchOf([user(1), user(2), user(3)], { batch: 'g1' });
  await setHidden(batch, 1, true);
  expect(await flags()).toEqual({
    'u-1': '2025-01-01T00:00:00.000Z',
    'u-2': AT.toISOString(),
    'u-3': AT.toISOString(),
  });
  await db.sql`UPDATE app.users SET deleted_at = '2026-03-01' WHERE user_id = 'u-3'`;
  await setHidden(batchOf([user(1), user(2), user(3)], { batch: 'g2' }), 2, false);
  expect(await flags()).toEqual({ 'u-1': '2025-01-01T00:00:00.000Z', 'u-2': null, 'u-3': '2026-03-01T00:00:00.000Z' });
});

test('keeps a transferred subject hidden when the request of its former owner ends', async () => {
  const [formerOwner, newOwner] = [requestId(), requestId()];
  await setHidden(batchOf([user(1)], { requestId: formerOwner, batch: 'g1' }), 1, true);
  await setHidden(batchOf([user(1)], { requestId: newOwner, batch: 'g3' }), 3, true, new Date('2026-05-01'));
  await setHidden(batchOf([user(1)], { requestId: formerOwner, batch: 'g2' }), 2, false);
  await connector.conclude?.({ requestId: formerOwner, kind: 'user' }, testContext());
  expect((await flags())['u-1']).toBe(AT.toISOString());
  expect([...(await db.sql`SELECT lethe_system.is_hidden('user', 'u-1') AS hidden`)]).toEqual([{ hidden: true }]);
  await setHidden(batchOf([user(1)], { requestId: newOwner, batch: 'g4' }), 4, false);
  expect((await flags())['u-1']).toBeNull();
});

test('purges the identities and the tombstone of a deleted subject, and hides the others of its request', async () => {
  const request = requestId();
  await setHidden(batchOf([user(1), user(2), user(3)], { requestId: request, batch: 'g1' }), 1, true);
  await connector.hardDelete(batchOf([user(1)], { requestId: request }), deletion(), testContext());
  const before = await db.state();
  for (const seqs of [[1], [1]]) await connector.purge?.({ requestId: request, kind: 'user', seqs }, testContext());
  const stored = await db.sql`SELECT DISTINCT seq FROM lethe_system.batch WHERE request_id = ${request} ORDER BY seq`;
  expect([...stored]).toEqual([{ seq: 2 }, { seq: 3 }]);
  const [hidden] = await db.sql`
    SELECT lethe_system.is_hidden('user', 'u-1') AS one, lethe_system.is_hidden('user', 'u-2') AS two`;
  expect(hidden).toEqual({ one: false, two: true });
  expect(await db.state()).toEqual(before);
});

test('writes neither flag nor tombstone when one of them fails', async () => {
  await db.sql.unsafe(`
    CREATE FUNCTION app.die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''P0001''; END';
    CREATE TRIGGER die AFTER UPDATE ON app.users FOR EACH STATEMENT EXECUTE FUNCTION app.die()`);
  await expect(setHidden(batchOf([user(1)], { batch: 'g1' }), 1, true)).rejects.toMatchObject({ code: 'refused' });
  expect((await flags())['u-1']).toBeNull();
  expect([...(await db.sql`SELECT FROM lethe_system.tombstones`)]).toEqual([]);
});

test.each([
  ['timestamp(0)', `to_char(deleted_at, 'YYYY-MM-DD HH24:MI:SS')`, '2026-02-01 00:00:00'],
  ['date', 'deleted_at::text', '2026-02-01'],
])('sets a soft-delete column of type %s in its precision and resets it', async (type, expression, written) => {
  await db.sql.unsafe(`ALTER TABLE app.users ALTER deleted_at TYPE ${type}`);
  await setHidden(batchOf([user(1)], { batch: 'g1' }), 1, true);
  const read = () => db.sql.unsafe(`SELECT ${expression} AS at FROM app.users WHERE user_id = 'u-1'`);
  expect([...(await read())]).toEqual([{ at: written }]);
  await setHidden(batchOf([user(1)], { batch: 'g2' }), 2, false);
  expect([...(await read())]).toEqual([{ at: null }]);
});

test('hides and restores a company by a boolean flag without its users', async () => {
  const before = await db.state();
  const company = (batch: string) => batchOf([[{ type: 'company_id', value: ['2'] }]], { kind: 'company', batch });
  await setHidden(company('g1'), 1, true);
  expect([...(await db.sql`SELECT company_id::int AS id FROM app.companies WHERE hidden`)]).toEqual([{ id: 2 }]);
  expect([
    ...(await db.sql`SELECT lethe_system.is_hidden('company', '2') AS company, lethe_system.is_hidden('user', '2') AS user`),
  ]).toEqual([{ company: true, user: false }]);
  await setHidden(company('g2'), 2, false);
  expect(await db.state()).toEqual(before);
});

test('runs as many statements for thirty subjects as for one', async () => {
  await setHidden(batchOf([user(1)], { batch: 'g1' }), 1, true);
  const statementsForOne = db.statements.length;
  db.statements.length = 0;
  await setHidden(
    batchOf(
      Array.from({ length: 30 }, (_, index) => user(index + 1)),
      { batch: 'g2' },
    ),
    2,
    true,
  );
  expect(db.statements.length).toBe(statementsForOne);
});

test('computes digests as HMAC-SHA-256 of system, kind, type and value', async () => {
  const [row] = await db.sql<{ digest: Buffer; inner: Buffer; outer: Buffer }[]>`
    SELECT lethe_system.digest('app', 'user', 'user_id', ARRAY['u-1']) AS digest, inner_pad AS inner, outer_pad AS outer FROM lethe_system.secret`;
  const { createHmac } = await import('node:crypto');
  const key = Buffer.from(row?.inner.map((byte) => byte ^ 0x36) ?? []);
  expect(row?.outer.map((byte) => byte ^ 0x5c)).toEqual(row?.inner.map((byte) => byte ^ 0x36));
  expect(row?.digest).toEqual(createHmac('sha256', key).update('app\u0001user\u0001user_id\u0001u-1').digest());
});
