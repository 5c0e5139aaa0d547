import type { Database, Transaction } from './client.ts';
import { isConnectionLost } from './unavailable.ts';

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

/** For a transaction that has something slow to do before it decides. */
export async function transaction<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const result = await database.begin('isolation level read committed', async (tx) => {
    try {
      return { value: await work(tx) };
    } catch (error) {
      // On a connection that is gone the driver's rollback would end the process (porsager/postgres#1208). It is left
      // out, and the driver tells of the loss by itself.
      if (isConnectionLost(error)) return new Promise<never>(() => undefined);
      throw error;
    }
  });
  return result.value;
}

export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx`SELECT FROM lethe.projects WHERE name = ${project} FOR UPDATE`;
}

/** Makes the lock rows of all configured projects; api and worker do so at start. */
export async function ensureProjects(database: Database, projects: readonly string[]): Promise<void> {
  await database`INSERT INTO lethe.projects (name) SELECT unnest(${projects as string[]}::text[]) ON CONFLICT DO NOTHING`;
}
