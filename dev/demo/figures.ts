import postgres from 'postgres';

/** Rows per table. Tables without rows are absent. */
export type Figures = Readonly<Record<string, number>>;

/**
 * Counts the rows of a user without Lethe's code: rows under the user's own identities, and under those aliases and
 * addresses that no other user shares.
 */
export const figuresOf = (url: string, userId: string): Promise<Figures> =>
  count(
    url,
    (sql) => sql<Row[]>`
    WITH RECURSIVE reach(id) AS (
      SELECT ${userId}::text UNION SELECT alias FROM app.aliases JOIN reach ON user_id = id),
    own AS (
      SELECT id FROM reach WHERE NOT EXISTS (
        SELECT FROM app.aliases WHERE alias = id AND user_id NOT IN (SELECT id FROM reach))),
    address AS (
      SELECT lower(email) AS email, lower(business_unit) AS unit FROM app.users
      GROUP BY 1, 2 HAVING count(*) = 1 AND min(user_id) = ${userId})
    SELECT 'app.users' AS "table", count(*)::int AS rows FROM app.users WHERE user_id = ${userId}
    UNION ALL SELECT 'app.aliases', count(*)::int FROM app.aliases WHERE user_id IN (SELECT id FROM own)
    UNION ALL SELECT 'app.events', count(*)::int FROM app.events WHERE user_id IN (SELECT id FROM own)
    UNION ALL SELECT 'app.orders', count(*)::int FROM app.orders WHERE user_id = ${userId}
    UNION ALL SELECT 'app.order_items', count(*)::int FROM app.order_items JOIN app.orders USING (order_id) WHERE user_id = ${userId}
    UNION ALL SELECT 'app.newsletter', count(*)::int FROM app.newsletter JOIN address
      ON lower(newsletter.email) = address.email AND lower(business_unit) = unit
    UNION ALL SELECT 'app.memberships', count(*)::int FROM app.memberships WHERE user_id = ${userId}
    UNION ALL SELECT 'app.segment_members', count(*)::int FROM app.segment_members WHERE user_id = ${userId}
    UNION ALL SELECT 'app.invoices', count(*)::int FROM app.invoices WHERE user_id = ${userId}`,
  );

/** Counts the company and its memberships, not its users. */
export const companyFiguresOf = (url: string, companyId: string): Promise<Figures> =>
  count(
    url,
    (sql) => sql<Row[]>`
    SELECT 'app.companies' AS "table", count(*)::int AS rows FROM app.companies WHERE company_id = ${companyId}
    UNION ALL SELECT 'app.memberships', count(*)::int FROM app.memberships WHERE company_id = ${companyId}`,
  );

export function sum(figures: readonly Figures[]): Figures {
  const total: Record<string, number> = {};
  for (const [table, rows] of figures.flatMap(Object.entries<number>)) total[table] = (total[table] ?? 0) + rows;
  return total;
}

interface Row {
  readonly table: string;
  readonly rows: number;
}

async function count(url: string, query: (sql: postgres.Sql) => Promise<Row[]>): Promise<Figures> {
  const sql = postgres(url, { max: 1 });
  try {
    const rows = await query(sql);
    return Object.fromEntries(rows.filter((row) => row.rows > 0).map((row) => [row.table, row.rows]));
  } finally {
    await sql.end();
  }
}
