import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAudit } from '../../../db/audit/audit.ts';
import type { Queries } from '../../../db/client.ts';
import { auditEvents } from '../../../db/schema/audit.ts';
import { digestKeys } from '../../../db/schema/projects.ts';
import { requests } from '../../../db/schema/requests.ts';
import { transaction } from '../../../db/transaction.ts';
import { accept, type Ledger, ledger, PROJECT, user } from '../../support/ledger.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
});
afterAll(() => world.closeLedger());

/** Checks before, inside and after a transaction, because a transaction wraps its connection in drizzle again. */
async function checkEverywhere(check: (queries: Queries, where: string) => Promise<void>): Promise<void> {
  await check(world.database, 'before');
  await transaction(world.database, (tx) => check(tx, 'inside'));
  await check(world.database, 'after');
}

test('reads a timestamp as the same Date with the builder and with execute', async () => {
  const id = await accept(world, [user('timestamps')]);
  await world.database.execute(
    sql`UPDATE ${requests} SET received_at = '2026-03-01T12:34:56.789123+05', resolved_at = NULL WHERE id = ${id}`,
  );
  await checkEverywhere(async (queries) => {
    const [built] = await queries
      .select({ receivedAt: requests.receivedAt, resolvedAt: requests.resolvedAt })
      .from(requests)
      .where(eq(requests.id, id));
    const [executed] = await queries.execute(sql`SELECT received_at, resolved_at FROM ${requests} WHERE id = ${id}`);
    const timestamp = { receivedAt: new Date('2026-03-01T07:34:56.789Z'), resolvedAt: null };
    expect(built).toEqual(timestamp);
    expect(executed).toEqual(timestamp);
  });
});

test('writes a Date unchanged to the millisecond with the builder and with execute', async () => {
  const id = await accept(world, [user('written timestamps')]);
  const at = new Date('2026-03-29T01:59:59.999Z');
  const stored = async (queries: Queries) => {
    const [row] = await queries.execute<{ text: string }>(
      sql`SELECT to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS text FROM ${requests} WHERE id = ${id}`,
    );
    return row?.text;
  };
  await checkEverywhere(async (queries) => {
    const reset = sql`UPDATE ${requests} SET received_at = '2000-01-01' WHERE id = ${id}`;
    await queries.execute(reset);
    await queries.update(requests).set({ receivedAt: at }).where(eq(requests.id, id));
    expect(await stored(queries)).toBe('2026-03-29T01:59:59.999000');
    await queries.execute(reset);
    await queries.execute(sql`UPDATE ${requests} SET received_at = ${at} WHERE id = ${id}`);
    expect(await stored(queries)).toBe('2026-03-29T01:59:59.999000');
    const found = [
      await queries.select({ id: requests.id }).from(requests).where(eq(requests.receivedAt, at)),
      await queries.execute(sql`SELECT id FROM ${requests} WHERE received_at = ${at}`),
    ];
    expect(found.map(([row]) => row)).toEqual([{ id }, { id }]);
  });
});

test('reads and writes bigint as number', async () => {
  const id = await accept(world, [user('bigint')]);
  await checkEverywhere(async (queries, where) => {
    const version = 2 ** 40 + where.length;
    await queries.update(requests).set({ wakeVersion: version }).where(eq(requests.id, id));
    await queries.execute(sql`UPDATE ${requests} SET wake_seen = ${version} WHERE id = ${id}`);
    const [built] = await queries
      .select({ wakeVersion: requests.wakeVersion, wakeSeen: requests.wakeSeen })
      .from(requests)
      .where(eq(requests.id, id));
    const [executed] = await queries.execute(sql`SELECT wake_version, wake_seen FROM ${requests} WHERE id = ${id}`);
    expect(built).toEqual({ wakeVersion: version, wakeSeen: version });
    expect(executed).toEqual({ wakeVersion: version, wakeSeen: version });
  });
});

test('reads and writes bytea as Buffer', async () => {
  const proof = Buffer.from([0, 1, 0x5c, 0x27, 0xff]);
  await checkEverywhere(async (queries, where) => {
    await queries.insert(digestKeys).values({ id: `built ${where}`, proof });
    await queries.execute(sql`INSERT INTO ${digestKeys} (id, proof) VALUES (${`executed ${where}`}, ${proof})`);
    const built = await queries.select().from(digestKeys).where(eq(digestKeys.proof, proof));
    const executed = await queries.execute<{ id: string; proof: Buffer }>(
      sql`SELECT id, proof FROM ${digestKeys} WHERE proof = ${proof}`,
    );
    for (const rows of [built, executed]) {
      expect(rows).toHaveLength(2);
      for (const row of rows) expect(row.proof).toEqual(proof);
      expect(rows.every((row) => Buffer.isBuffer(row.proof))).toBe(true);
    }
    await queries.delete(digestKeys).where(eq(digestKeys.proof, proof));
  });
});

test('reads and writes jsonb as an object, not as a text that contains one', async () => {
  const at = new Date('2026-03-01T00:00:00Z');
  const detail = { code: 'it’s "quoted" \\ {}', count: 2, list: [1, 2], none: null };
  await checkEverywhere(async (queries, where) => {
    const event = { at, project: PROJECT, requestId: null, actor: where, action: 'test.written', detail } as const;
    if (where === 'inside') await recordAudit(queries as Parameters<typeof recordAudit>[0], event);
    else await queries.insert(auditEvents).values(event);
    // With `::jsonb` alone, the driver would serialize the text a second time.
    for (const value of [sql`${JSON.stringify(detail)}::text::jsonb`, sql`${sql.param(detail)}::jsonb`])
      await queries.execute(sql`INSERT INTO ${auditEvents} (at, project, actor, action, detail)
        VALUES (${at}, ${PROJECT}, ${where}, 'test.written', ${value})`);
    const rows = await queries.execute<{ type: string; detail: unknown }>(
      sql`SELECT jsonb_typeof(detail) AS type, detail FROM ${auditEvents} WHERE actor = ${where}`,
    );
    const read = { type: 'object', detail };
    expect([...rows]).toEqual([read, read, read]);
    const built = await queries
      .select({ detail: auditEvents.detail })
      .from(auditEvents)
      .where(eq(auditEvents.actor, where));
    expect(built).toEqual([{ detail }, { detail }, { detail }]);
  });
});
