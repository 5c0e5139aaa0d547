import { setTimeout as sleep } from 'node:timers/promises';
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
  let gone = false;
  const begun = database.begin('isolation level read committed', async (tx) => {
    try {
      const value = await work(untilGone(tx, () => gone));
      if (!gone) return { value };
    } catch (error) {
      // This connection, or another one: that shows when this one closes.
      if (isConnectionLost(error)) await sleep(CLOSES_WITHIN_MS);
      if (!gone) throw error;
    }
    // The driver has told of the loss. Its commit or rollback would go to another connection, or end the process
    // (porsager/postgres#1208).
    return new Promise<never>(() => undefined);
  });
  begun.catch(() => (gone = true));
  return (await begun).value;
}

const CLOSES_WITHIN_MS = 500;

/** What a lost transaction has still to say, the driver would give to its next connection: committed at once, and unlocked. */
function untilGone(tx: Transaction, gone: () => boolean): Transaction {
  const refuse = () => {
    if (gone()) throw new Error('the transaction has lost its connection');
  };
  return new Proxy(tx, {
    apply(target, self, sent: unknown[]): unknown {
      refuse();
      return Reflect.apply(target, self, sent);
    },
    get(target, name): unknown {
      refuse();
      return Reflect.get(target, name);
    },
  });
}

export async function lockProject(tx: Transaction, project: string): Promise<void> {
  await tx`SELECT FROM lethe.projects WHERE name = ${project} FOR UPDATE`;
}

/** Makes the lock rows of all configured projects; api and worker do so at start. */
export async function ensureProjects(database: Database, projects: readonly string[]): Promise<void> {
  await database`INSERT INTO lethe.projects (name) SELECT unnest(${projects as string[]}::text[]) ON CONFLICT DO NOTHING`;
}
