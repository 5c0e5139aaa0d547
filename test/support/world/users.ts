import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

/** Adds a user to the demo's schema: a profile, events, an order with two items, an invoice and a newsletter. */
export async function addUser(
  sql: postgres.Sql,
  id: string,
  options: { readonly email?: string; readonly events?: number } = {},
): Promise<void> {
  const email = options.email ?? `${id}@example.test`;
  const order = randomUUID();
  await sql.begin(async (tx) => {
    await tx`INSERT INTO app.users (user_id, xng_id, external_id, email, business_unit, name, created_at)
      VALUES (${id}, ${randomUUID()}, ${`ext-${id}`}, ${email}, 'berlin', 'N', '2025-01-01')`;
    await addEvents(tx, id, options.events ?? 3);
    await tx`INSERT INTO app.orders VALUES (${order}, ${id}, '2025-02-01')`;
    await tx`INSERT INTO app.order_items VALUES (${order}, 1, 'a', 100), (${order}, 2, 'b', 200)`;
    await tx`INSERT INTO app.newsletter VALUES (${email}, 'berlin', '2025-03-01') ON CONFLICT DO NOTHING`;
    await tx`INSERT INTO app.invoices VALUES (nextval('app.test_events'), ${id}, '2025-04-01', 100, 'Main St 1')`;
  });
}

export async function addEvents(sql: postgres.Sql | postgres.TransactionSql, id: string, count: number): Promise<void> {
  await sql`INSERT INTO app.events (event_id, user_id, occurred_at, name)
    SELECT nextval('app.test_events'), ${id}, '2025-02-01', 'seen' FROM generate_series(1, ${count})`;
}

/** Counts the rows of a user per table. Omits tables without a row of the user. */
export async function rowsOf(sql: postgres.Sql, id: string): Promise<Record<string, number>> {
  const rows = await sql<{ name: string; count: string }[]>`
    SELECT 'users' AS name, count(*) FROM app.users WHERE user_id = ${id}
    UNION ALL SELECT 'events', count(*) FROM app.events WHERE user_id = ${id}
    UNION ALL SELECT 'orders', count(*) FROM app.orders WHERE user_id = ${id}
    UNION ALL SELECT 'newsletter', count(*) FROM app.newsletter WHERE email = ${`${id}@example.test`}
    UNION ALL SELECT 'invoices', count(*) FROM app.invoices WHERE user_id = ${id}`;
  return Object.fromEntries(rows.filter(({ count }) => count !== '0').map(({ name, count }) => [name, Number(count)]));
}
export const ALL_ROWS = { users: 1, events: 3, orders: 1, newsletter: 1, invoices: 1 };

export async function isHidden(sql: postgres.Sql, id: string): Promise<{ flagged: boolean; hidden: boolean }> {
  const [row] = await sql<{ flagged: boolean; hidden: boolean }[]>`
    SELECT EXISTS (SELECT FROM app.users WHERE user_id = ${id} AND deleted_at IS NOT NULL) AS flagged,
           lethe_system.is_hidden('user', ${id}) AS hidden`;
  return row ?? { flagged: false, hidden: false };
}
