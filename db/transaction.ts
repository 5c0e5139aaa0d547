import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Transaction, type TransactionClient, withBuilder } from './client.ts';
import { isConnectionLost } from './errors.ts';

/** All or nothing, also where the connection is lost amid it: then whoever asked is told so, and the process goes on. */
export async function transaction<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  let gone = false;
  const { options } = database.$client;
  const begun = database.$client.begin('isolation level read committed', async (connection) => {
    try {
      const value = await work(
        withBuilder(
          untilGone(connection, () => gone),
          options,
        ),
      );
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
function untilGone(tx: TransactionClient, gone: () => boolean): TransactionClient {
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
