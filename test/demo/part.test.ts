import type postgres from 'postgres';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Connector } from '../../connectors/connector.ts';
import { figuresOf } from '../../dev/demo/figures.ts';
import type { Identity } from '../../domain/identity.ts';
import { batchOf, byIdentities, deletion, exportAll, resolveAll, testContext } from '../connectors/fixture.ts';
import { defaultDeployment } from '../support/world/default-deployment.ts';

/** The shipped deployment on the demo data. */
let url = '';
let sql: postgres.Sql;
let connector: Connector;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  const demo = await defaultDeployment(0.02);
  ({ url, sql, connector } = demo);
  closing.push(demo.close);
});
afterAll(async () => void (await Promise.all(closing.map((close) => close()))));

/** The first has events under a chain of aliases; the second shares a device. */
const USERS = ['u-27', 'u-50'] as const;
/** The identities of each user without those that another user shares. */
async function subjects(): Promise<Identity[][]> {
  const keys = USERS.map((value) => ({ type: 'user_id', value: [value] }));
  const facts = await resolveAll(connector, byIdentities(...keys));
  return keys.map((key) => [
    key,
    ...facts.flatMap((fact) =>
      fact.fact === 'identity' && fact.sharers === 0 && fact.key.value[0] === key.value[0] ? [fact.identity] : [],
    ),
  ]);
}

const TABLES = ['users', 'aliases', 'events', 'orders', 'order_items', 'newsletter', 'invoices', 'memberships'];
/** A digest per table, without the named columns. */
async function fingerprint(excluded: Readonly<Record<string, readonly string[]>>): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const table of TABLES) {
    const [row] = await sql<{ digest: string }[]>`
      SELECT count(*) || ' ' || md5(string_agg(whole::text, ';' ORDER BY whole::text)) AS digest
      FROM (SELECT to_jsonb(t) - ${(excluded[table] ?? []) as string[]}::text[] AS whole FROM ${sql(`app.${table}`)} t) rows`;
    digests[table] = row?.digest ?? '';
  }
  return digests;
}

test('clears the source columns of every seeded event and changes nothing else when the scope is sources', async () => {
  const seeded = await Promise.all(USERS.map((id) => figuresOf(url, id)));
  const events = seeded.reduce((sum, figures) => sum + (figures['app.events'] ?? 0), 0);
  expect(events).toBeGreaterThan(20);
  const clearedColumns = { events: ['ip', 'sdk', 'utm_source'] };
  const [before, whole] = [await fingerprint(clearedColumns), await fingerprint({})];
  const batch = batchOf(await subjects());
  const performed = deletion({ scope: 'sources' });
  await connector.hardDelete(batch, performed, testContext());
  expect(performed.ranges.flatMap(({ tables }) => tables).filter(({ blanked }) => blanked !== undefined)).toEqual([
    { table: 'app.events', removed: 0, retained: [], blanked: events },
  ]);
  expect(await connector.verify?.(batch, 'sources', testContext())).toMatchObject({ survivors: 0 });
  expect(await fingerprint(clearedColumns)).toEqual(before);
  const { events: changed, ...rest } = await fingerprint({});
  expect(whole).toMatchObject(rest);
  expect(changed).not.toBe(whole['events']);
  const [cleared] =
    await sql`SELECT count(*)::int AS empty FROM app.events WHERE ip IS NULL AND sdk IS NULL AND utm_source IS NULL`;
  expect(cleared).toEqual({ empty: events });
});

test('clears nullable columns, reports the others as retained and changes no other row when the scope is categories', async () => {
  const [before, whole] = [await fingerprint({ users: ['name'] }), await fingerprint({})];
  const batch = batchOf(await subjects());
  const performed = deletion({ scope: 'categories' });
  await connector.hardDelete(batch, performed, testContext());
  expect(performed.ranges.flatMap(({ tables }) => tables).filter(({ table }) => table === 'app.users')).toEqual([
    { table: 'app.users', removed: 0, blanked: 2, retained: [{ basis: 'cannot be empty: created_at', rows: 2 }] },
  ]);
  expect(await connector.verify?.(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
  expect(await fingerprint({ users: ['name'] })).toEqual(before);
  const { users, ...rest } = await fingerprint({});
  expect(whole).toMatchObject(rest);
  expect(users).not.toBe(whole['users']);
  const nameless = await sql<{ id: string }[]>`SELECT user_id AS id FROM app.users WHERE name IS NULL ORDER BY 1`;
  expect(nameless.map(({ id }) => id)).toEqual([...USERS]);
});

test('describes each table and each column except row numbers in an export of the demo', async () => {
  const users = await sql<{ value: string }[]>`SELECT user_id AS value FROM app.users LIMIT 500`;
  const batch = batchOf(users.map(({ value }) => [{ type: 'user_id', value: [value] }]));
  const tables = await exportAll(connector, batch, { scope: 'categories' });
  expect([...tables.values()].filter(({ table }) => table.meaning === null)).toEqual([]);
  const unexplained = [...tables].flatMap(([name, { table }]) =>
    table.columns.flatMap((column) => (column.meaning === null ? [`${name}.${column.name}`] : [])),
  );
  expect(unexplained.filter((name) => !/_id$|\.line$/.test(name))).toEqual([]);
  const sources = [...tables].flatMap(([name, { table }]) =>
    table.columns.filter(({ source }) => source).map((column) => `${name}.${column.name}`),
  );
  expect(sources).toEqual(['app.events.ip', 'app.events.sdk', 'app.events.utm_source']);
});
