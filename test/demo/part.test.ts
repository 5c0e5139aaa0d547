import type postgres from 'postgres';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Connector } from '../../connectors/connector.ts';
import { figuresOf } from '../../dev/demo/figures.ts';
import type { Identity } from '../../domain/identity.ts';
import { batchOf, byIdentities, deletion, exportAll, resolveAll, testContext } from '../connectors/fixture.ts';
import { defaultDeployment } from '../support/world/default-deployment.ts';

/** The shipped deployment on the data that it ships with. */
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

/** With a chain of aliases, under which a part of the events arrived; and one who shares a device. */
const USERS = ['u-27', 'u-50'] as const;
/** What each is called, as the ledger hands it over: without what somebody else is called too. */
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
/** Every table, but with nothing in the columns that are named. */
async function fingerprint(without: Readonly<Record<string, readonly string[]>>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of TABLES) {
    const [row] = await sql<{ digest: string }[]>`
      SELECT count(*) || ' ' || md5(string_agg(whole::text, ';' ORDER BY whole::text)) AS digest
      FROM (SELECT to_jsonb(t) - ${(without[table] ?? []) as string[]}::text[] AS whole FROM ${sql(`app.${table}`)} t) rows`;
    found[table] = row?.digest ?? '';
  }
  return found;
}

test('sources: the receipt tells as many events as were seeded, they are empty of them, and nothing else is', async () => {
  const seeded = await Promise.all(USERS.map((id) => figuresOf(url, id)));
  const events = seeded.reduce((sum, figures) => sum + (figures['app.events'] ?? 0), 0);
  expect(events).toBeGreaterThan(20);
  const emptied = { events: ['ip', 'sdk', 'utm_source'] };
  const [before, whole] = [await fingerprint(emptied), await fingerprint({})];
  const batch = batchOf(await subjects());
  const done = deletion({ scope: 'sources' });
  await connector.hardDelete(batch, done, testContext());
  expect(done.ranges.flatMap(({ tables }) => tables).filter(({ blanked }) => blanked !== undefined)).toEqual([
    { table: 'app.events', removed: 0, retained: 0, basis: null, blanked: events },
  ]);
  expect(await connector.verify(batch, 'sources', testContext())).toMatchObject({ survivors: 0 });
  expect(await fingerprint(emptied)).toEqual(before);
  const { events: changed, ...rest } = await fingerprint({});
  expect(whole).toMatchObject(rest);
  expect(changed).not.toBe(whole['events']);
  const [left] =
    await sql`SELECT count(*)::int AS empty FROM app.events WHERE ip IS NULL AND sdk IS NULL AND utm_source IS NULL`;
  expect(left).toEqual({ empty: events });
});

test('categories: the name goes, what may not be empty stays and is told, and no other row is touched', async () => {
  const [before, whole] = [await fingerprint({ users: ['name'] }), await fingerprint({})];
  const batch = batchOf(await subjects());
  const done = deletion({ scope: 'categories' });
  await connector.hardDelete(batch, done, testContext());
  expect(done.ranges.flatMap(({ tables }) => tables).filter(({ table }) => table === 'app.users')).toEqual([
    { table: 'app.users', removed: 0, blanked: 2, retained: 2, basis: 'cannot be empty: created_at' },
  ]);
  expect(await connector.verify(batch, 'categories', testContext())).toMatchObject({ survivors: 0 });
  expect(await fingerprint({ users: ['name'] })).toEqual(before);
  const { users, ...rest } = await fingerprint({});
  expect(whole).toMatchObject(rest);
  expect(users).not.toBe(whole['users']);
  const named = await sql<{ id: string }[]>`SELECT user_id AS id FROM app.users WHERE name IS NULL ORDER BY 1`;
  expect(named.map(({ id }) => id)).toEqual([...USERS]);
});

test('whoever opens an export of the demo reads what each table is, and each column that is no number of a row', async () => {
  const everybody = await sql<{ value: string }[]>`SELECT user_id AS value FROM app.users LIMIT 500`;
  const batch = batchOf(everybody.map(({ value }) => [{ type: 'user_id', value: [value] }]));
  const got = await exportAll(connector, batch, { scope: 'categories' });
  expect([...got.values()].filter(({ table }) => table.meaning === null)).toEqual([]);
  const untold = [...got].flatMap(([name, { table }]) =>
    table.columns.flatMap((column) => (column.meaning === null ? [`${name}.${column.name}`] : [])),
  );
  expect(untold.filter((name) => !/_id$|\.line$/.test(name))).toEqual([]);
  const sources = [...got].flatMap(([name, { table }]) =>
    table.columns.filter(({ source }) => source).map((column) => `${name}.${column.name}`),
  );
  expect(sources).toEqual(['app.events.ip', 'app.events.sdk', 'app.events.utm_source']);
});
