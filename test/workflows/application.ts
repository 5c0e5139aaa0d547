import type postgres from 'postgres';
import type { World } from '../support/world/world.ts';

/** A count and a checksum of the rows of every table of the application. */
async function checksums(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'app' ORDER BY table_name`;
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await sql<{ sum: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(row::text, E'\n' ORDER BY row::text)), '') AS sum FROM ${sql(`app.${name}`)} row`;
    sums[name] = row?.sum ?? '';
  }
  return sums;
}

export const checksumsOfAll = async (world: World) => [await checksums(world.app), await checksums(world.crm)];

/** Counts the tombstones, suppressions and identities that Lethe keeps in a system. */
export async function countLetheRows(sql: postgres.Sql) {
  const [row] = await sql`SELECT (SELECT count(*)::int FROM lethe_system.tombstones) AS tombstones,
    (SELECT count(*)::int FROM lethe_system.suppressions) AS suppressions, (SELECT count(*)::int FROM lethe_system.batch) AS identities`;
  return row;
}
export const NO_LETHE_ROWS = { tombstones: 0, suppressions: 0, identities: 0 };

/** Adds `count` users to `app` and a fifth of them to `crm`, in a few statements. */
export async function addMany(world: World, count: number): Promise<void> {
  for (const [sql, number] of [
    [world.app, count],
    [world.crm, count / 5],
  ] as const) {
    await sql`INSERT INTO app.users (user_id, xng_id, email, business_unit, name, created_at)
      SELECT 'm-' || n, gen_random_uuid(), 'm-' || n || '@example.test', 'berlin', 'N', '2025-01-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.events (event_id, user_id, occurred_at, name)
      SELECT nextval('app.test_events'), 'm-' || n, '2025-02-01', 'seen' FROM generate_series(1, ${number}) n, generate_series(1, 2)`;
    await sql`INSERT INTO app.orders SELECT gen_random_uuid(), 'm-' || n, '2025-02-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.order_items SELECT order_id, 1, 'a', 100 FROM app.orders`;
    await sql`INSERT INTO app.newsletter SELECT 'm-' || n || '@example.test', 'berlin', '2025-03-01' FROM generate_series(1, ${number}) n`;
    await sql`INSERT INTO app.invoices SELECT nextval('app.test_events'), 'm-' || n, '2025-04-01', 100, 'Main St' FROM generate_series(1, ${number}) n`;
  }
}

/** The number of rows of each table. */
export const rowCounts = async (sql: postgres.Sql): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const name of ['users', 'events', 'orders', 'order_items', 'newsletter', 'invoices']) {
    const [row] = await sql<{ count: number }[]>`SELECT count(*)::int AS count FROM ${sql(`app.${name}`)}`;
    counts[`app.${name}`] = row?.count ?? -1;
  }
  return counts;
};

/** The counts without the given number of excluded users of `addUser` and of their newsletter addresses. */
export const rowCountsWithout = (counts: Readonly<Record<string, number>>, users: number, addresses: number) => ({
  'app.users': (counts['app.users'] ?? 0) - users,
  'app.events': (counts['app.events'] ?? 0) - 3 * users,
  'app.orders': (counts['app.orders'] ?? 0) - users,
  'app.order_items': (counts['app.order_items'] ?? 0) - 2 * users,
  'app.newsletter': (counts['app.newsletter'] ?? 0) - addresses,
  'app.invoices': (counts['app.invoices'] ?? 0) - users,
});

/** The tables of the ledger and of Lethe's schema in the systems that contain the text. */
export async function tablesWith(world: World, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [sql, schema] of [
    [world.sql, 'lethe'],
    [world.app, 'lethe_system'],
    [world.crm, 'lethe_system'],
  ] as const) {
    const tables = await sql.unsafe<{ name: string }[]>(`SELECT oid::regclass::text AS name FROM pg_class
      WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p')`);
    for (const { name } of tables)
      if ((await sql.unsafe(`SELECT FROM ${name} stored WHERE stored::text ILIKE '%${text}%' LIMIT 1`)).count > 0)
        found.push(name);
  }
  return found;
}
