import { setTimeout as sleep } from 'node:timers/promises';
import { collectEvents } from './audit/events.ts';
import { type Queries, type Transaction, type TransactionClient, withBuilder } from './client.ts';
import { isConnectionLost } from './errors.ts';

/** Runs `work` in a transaction, or in the one that is open already. Rejects if the connection is lost during it; the process continues. */
export async function transaction<T>(database: Queries, work: (tx: Transaction) => Promise<T>): Promise<T> {
  if (isTransaction(database)) return work(database);
  let isLost = false;
  let reportEvents: () => void = () => undefined;
  const { options } = database.$client;
  const committed = database.$client.begin('isolation level read committed', async (connection) => {
    try {
      const tx = withBuilder(
        rejectAfterLoss(connection, () => isLost),
        options,
      );
      reportEvents = collectEvents(database, tx);
      const value = await work(tx);
      if (!isLost) return { value };
    } catch (error) {
      // The error may concern another connection. If it concerns this one, the driver closes it within this time.
      if (isConnectionLost(error)) await sleep(CLOSES_WITHIN_MS);
      if (!isLost) throw error;
    }
    // `begin` has already rejected. Returning would make the driver send a commit or rollback to another connection, or
    // end the process (porsager/postgres#1208).
    return new Promise<never>(() => undefined);
  });
  committed.catch(() => (isLost = true));
  const { value } = await committed;
  reportEvents();
  return value;
}

/** Only a pool can begin a transaction. */
const isTransaction = (queries: Queries): queries is Transaction => !('begin' in queries.$client);

const CLOSES_WITHIN_MS = 500;

/**
 * Throws when a lost transaction sends another statement. The driver would send it on its next connection, where it
 * would be committed immediately and without locks.
 */
function rejectAfterLoss(tx: TransactionClient, isLost: () => boolean): TransactionClient {
  const requireConnection = () => {
    if (isLost()) throw new Error('the transaction has lost its connection');
  };
  return new Proxy(tx, {
    apply(target, self, sent: unknown[]): unknown {
      requireConnection();
      return Reflect.apply(target, self, sent);
    },
    get(target, name): unknown {
      requireConnection();
      return Reflect.get(target, name);
    },
  });
}
