import type { Database, Transaction } from './client.ts';
import { transaction } from './transaction.ts';

/**
 * One transaction at a time per project for everything that decides about subjects: resolve, hold, cancel, expedite,
 * claim, conclude (rule 6). READ COMMITTED with the lock as a statement of its own, so that what follows sees every
 * earlier decision.
 */
export const underProjectLock = <T>(
  database: Database,
  project: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> =>
  transaction(database, async (tx) => {
    await lockProject(tx, project);
    return work(tx);
  });

export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx`SELECT FROM lethe.projects WHERE name = ${project} FOR UPDATE`;
}

/** Makes the lock rows of all configured projects; api and worker do so at start. */
export async function ensureProjects(database: Database, projects: readonly string[]): Promise<void> {
  await database`INSERT INTO lethe.projects (name) SELECT unnest(${projects as string[]}::text[]) ON CONFLICT DO NOTHING`;
}
