import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { companyFiguresOf, figuresOf, sum } from '../../dev/demo/figures.ts';
import { isSeeded, seedDemo, sizeOf } from '../../dev/demo/data/generate.ts';
import { createDatabase } from '../support/servers/postgres.ts';

const SMALL_DATA = { scale: 0.02, seed: 1 };
const connections: postgres.Sql[] = [];
const connect = (url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  connections.push(sql);
  return sql;
};
afterAll(() => Promise.all(connections.map((sql) => sql.end())));

let url = '';
beforeAll(async () => {
  ({ url } = await createDatabase());
  await seedDemo(url, SMALL_DATA);
});

const TABLES = [
  'users',
  'aliases',
  'events',
  'orders',
  'order_items',
  'newsletter',
  'invoices',
  'companies',
  'memberships',
  'segment_members',
];

async function fingerprint(database: string): Promise<string[]> {
  const sql = connect(database);
  const digests = [];
  for (const table of TABLES) {
    const [row] = await sql<{ digest: string }[]>`
      SELECT count(*) || ' ' || md5(string_agg(t::text, ';' ORDER BY t::text)) AS digest FROM ${sql(`app.${table}`)} t`;
    digests.push(`${table} ${row?.digest ?? ''}`);
  }
  return digests;
}

test('generates equal rows in two databases when scale and seed are equal', async () => {
  const other = await createDatabase();
  await seedDemo(other.url, SMALL_DATA);
  expect(await fingerprint(other.url)).toEqual(await fingerprint(url));
});

test('generates other events when the seed differs', async () => {
  const other = await createDatabase();
  await seedDemo(other.url, { ...SMALL_DATA, seed: 2 });
  const events = (tables: string[]): string | undefined => tables.find((table) => table.startsWith('events'));
  expect(events(await fingerprint(other.url))).not.toBe(events(await fingerprint(url)));
});

test('reports a database as seeded only for its own scale and seed', async () => {
  expect(await isSeeded(url, SMALL_DATA)).toBe(true);
  expect(await isSeeded(url, { ...SMALL_DATA, seed: 3 })).toBe(false);
});

test.each([{ scale: Number.NaN }, { scale: 0 }, { scale: 1_000 }, { seed: 1.5 }])(
  'rejects the scale or seed %o',
  (invalid) => {
    expect(() => sizeOf({ ...SMALL_DATA, ...invalid })).toThrow('--seed must be a whole number');
  },
);

test('does not change a schema `app` that the demo did not create', async () => {
  const other = await createDatabase();
  const sql = connect(other.url);
  await sql.unsafe('CREATE SCHEMA app; CREATE TABLE app.users (user_id text); INSERT INTO app.users VALUES ($$mine$$)');
  await expect(seedDemo(other.url, SMALL_DATA)).rejects.toThrow('It was not changed');
  expect(await sql`SELECT user_id FROM app.users`).toEqual([{ user_id: 'mine' }]);
});

test('generates one user with far more events than the median', async () => {
  const [row] = await connect(url)<{ most: number; usual: number }[]>`
    SELECT max(events)::int AS most, (percentile_disc(0.5) WITHIN GROUP (ORDER BY events))::int AS usual
    FROM (SELECT count(*) AS events FROM app.events GROUP BY user_id) AS per_user`;
  expect(row?.most).toBeGreaterThan(20 * (row?.usual ?? 0));
});

test('counts events under an alias of an alias for the user', async () => {
  const [row] = await connect(url)<{ direct: number }[]>`
    SELECT count(*)::int AS direct FROM app.events WHERE user_id = 'u-27'`;
  const figures = await figuresOf(url, 'u-27');
  expect(figures['app.events']).toBeGreaterThan(row?.direct ?? 0);
  expect(figures['app.aliases']).toBe(3);
});

test('does not count events of a device that two users share', async () => {
  const sql = connect(url);
  const [device] = await sql<{ count: number }[]>`SELECT count(*)::int FROM app.events WHERE user_id = 'device-50'`;
  const [own] = await sql<{ count: number }[]>`
    SELECT count(*)::int FROM app.events WHERE user_id IN ('u-50', 'a-50-1')`;
  expect(device?.count).toBeGreaterThan(0);
  expect((await figuresOf(url, 'u-50'))['app.events']).toBe(own?.count);
});

test('does not count the subscription of an address that two users share', async () => {
  const subscribed = await connect(url)`
    SELECT FROM app.newsletter JOIN app.users ON lower(users.email) = newsletter.email WHERE user_id = 'u-20'`;
  expect(subscribed).toHaveLength(1);
  expect(await figuresOf(url, 'u-20')).not.toHaveProperty('app.newsletter');
  expect(await figuresOf(url, 'u-21')).not.toHaveProperty('app.newsletter');
});

test('counts the row and the memberships of a company, not its users', async () => {
  expect(Object.keys(await companyFiguresOf(url, '9000000001'))).toEqual(['app.companies', 'app.memberships']);
});

test('adds the figures of several users per table', () => {
  expect(sum([{ a: 1, b: 2 }, { b: 3 }])).toEqual({ a: 1, b: 5 });
});
