import { eq, sql } from 'drizzle-orm';
import type { Database, Transaction } from './client.ts';
import { projects } from './schema/projects.ts';
import { textArray } from './sql.ts';
import { transaction } from './transaction.ts';

/**
 * One transaction at a time per project for everything that decides about subjects: resolve, hold, cancel, expedite,
 * claim, conclude (rule 6). READ COMMITTED with the lock as a statement of its own, so that what follows sees every
 * earlier decision.
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

export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx.select().from(projects).where(eq(projects.name, project)).for('update');
}

/** Inserts the lock rows of all configured projects. The API and the worker call it at start. */
export async function ensureProjects(database: Database, names: readonly string[]): Promise<void> {
  await database.execute(sql`INSERT INTO ${projects} (name) SELECT unnest(${textArray(names)}) ON CONFLICT DO NOTHING`);
}
