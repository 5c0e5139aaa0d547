import { type SQL, sql } from 'drizzle-orm';
import type { Database, Queries, Transaction } from './client.ts';
import { projects } from './schema/projects.ts';
import { textArray } from './sql.ts';
import { transaction } from './transaction.ts';

/**
 * Runs `work` in a transaction that holds the project lock, as all decisions about subjects do (rule 6). The isolation
 * level is READ COMMITTED and the lock is a separate statement, so that `work` sees every earlier decision.
 */
export const withProjectLock = <T>(
  database: Queries,
  project: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  transaction(database, async (tx) => {
    await lockProject(tx, project);
    return work(tx);
  });

/**
 * Waits for the project lock and holds it until the transaction ends. NO KEY, so that inserts of rows that refer to the
 * project, such as new requests, do not wait for it. Sets the planner for statements whose rows were just written
 * (rule 22): joins of the request's own rows read each side once, with any statistics.
 */
export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx.execute(sql`
    WITH locked AS MATERIALIZED (SELECT name FROM ${projects} WHERE name = ${project} FOR NO KEY UPDATE)
    SELECT ${settings(OWN_ROWS)}, set_config('application_name', ${HOLDER} || trunc(extract(epoch FROM clock_timestamp()), 1) || ' ' || name, true)
    FROM locked`);
}

/** Starts the name by which PostgreSQL lists the holder of a lock, until its transaction ends. For the metrics. */
const HOLDER = 'lethe ';

/**
 * Selects each project with the seconds for which its lock has been held, or 0, and the number of transactions that wait
 * for it. PostgreSQL shows both to every role.
 */
export const projectLocks: SQL = sql`
  SELECT name AS project, count(waiting.pid) AS waiting, greatest(max(held.seconds), 0) AS seconds
  FROM ${projects}
  LEFT JOIN (
    SELECT substring(application_name FROM ${`^${HOLDER}[0-9.]+ (.+)$`}) AS project,
           extract(epoch FROM clock_timestamp()) - substring(application_name FROM ${`^${HOLDER}([0-9.]+) `})::numeric AS seconds
    FROM pg_stat_activity WHERE datname = current_database()) held ON held.project = name
  LEFT JOIN pg_locks waiting ON waiting.locktype = 'tuple' AND waiting.relation = 'lethe.projects'::regclass
    AND waiting.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND format('(%s,%s)', waiting.page, waiting.tuple)::tid = projects.ctid
  GROUP BY name`;

/**
 * Runs statements that change rows of other requests, each found by its primary key. Under the settings of
 * `lockProject` they would read all rows of the table.
 */
export async function probeRows<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
  await tx.execute(sql`SELECT ${settings({ ...OWN_ROWS, ...PROBES })}`);
  const result = await work();
  await tx.execute(sql`SELECT ${settings(OWN_ROWS)}`);
  return result;
}

/** A nested loop is wrong by a factor of thousands when the planner expects one row of a request that has thousands. */
const OWN_ROWS = {
  enable_nestloop: 'off',
  enable_hashjoin: 'on',
  // Compares every pair of rows that are equal in a part of the key.
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  // Combines the index of the request with one of all open requests.
  enable_bitmapscan: 'off',
  // A plan that was kept outside of the lock has other settings.
  plan_cache_mode: 'force_custom_plan',
} as const;
const PROBES = { enable_nestloop: 'on', enable_hashjoin: 'off' } as const;

const settings = (values: Readonly<Record<string, string>>): SQL =>
  sql.join(
    Object.entries(values).map(([name, value]) => sql`set_config(${name}, ${value}, true)`),
    sql`, `,
  );

/** Inserts the lock rows of all configured projects. The API and the worker call it at startup. */
export async function ensureProjects(database: Database, names: readonly string[]): Promise<void> {
  await database.execute(sql`INSERT INTO ${projects} (name) SELECT unnest(${textArray(names)}) ON CONFLICT DO NOTHING`);
}
