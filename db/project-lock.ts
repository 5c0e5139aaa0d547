import { eq, sql } from 'drizzle-orm';
import type { Database, Transaction } from './client.ts';
import { projects } from './schema/projects.ts';
import { textArray } from './sql.ts';
import { transaction } from './transaction.ts';

/**
 * Runs `work` in a transaction that holds the project lock, as all decisions about subjects do (rule 6). The isolation
 * level is READ COMMITTED and the lock is a separate statement, so that `work` sees every earlier decision.
 */
export const withProjectLock = <T>(
  database: Database,
  project: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  transaction(database, async (tx) => {
    await lockProject(tx, project);
    return work(tx);
  });

/**
 * Waits for the project lock and holds it until the transaction ends. NO KEY, so that inserts of rows that refer to the
 * project, such as new requests, do not wait for it.
 */
export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx.select().from(projects).where(eq(projects.name, project)).for('no key update');
}

/** Inserts the lock rows of all configured projects. The API and the worker call it at startup. */
export async function ensureProjects(database: Database, names: readonly string[]): Promise<void> {
  await database.execute(sql`INSERT INTO ${projects} (name) SELECT unnest(${textArray(names)}) ON CONFLICT DO NOTHING`);
}
