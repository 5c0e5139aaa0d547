import type { Client, Database, TransactionClient } from '../../db/client.ts';

/** The same database, and how many rows its transactions have received. */
export function countingRows(database: Database): { readonly counted: Database; readonly rows: () => number } {
  let rows = 0;
  const client = new Proxy(database.$client, {
    get(target, name): unknown {
      if (name !== 'begin') return Reflect.get(target, name);
      return (options: string, work: (connection: unknown) => unknown) =>
        target.begin(options, (connection) => work(counting(connection)));
    },
  }) satisfies Client;
  const counted = new Proxy(database, {
    get: (target, name): unknown => (name === '$client' ? client : Reflect.get(target, name)),
  });
  return { counted, rows: () => rows };

  function counting(connection: TransactionClient): TransactionClient {
    const { unsafe } = connection;
    connection.unsafe = ((...sent: Parameters<typeof unsafe>) =>
      countAnswer(unsafe(...sent))) as TransactionClient['unsafe'];
    return new Proxy(connection, {
      apply: (target, self, sent: unknown[]): unknown => countAnswer(Reflect.apply(target, self, sent)),
    });
  }

  function countAnswer<Query>(query: Query): Query {
    if (!(query instanceof Promise)) return query;
    const then = query.then.bind(query);
    const awaited: typeof then = (done, failed) =>
      then((answer) => {
        rows += Array.isArray(answer) ? answer.length : 0;
        return done?.(answer) as never;
      }, failed);
    Reflect.set(query, 'then', awaited);
    return query;
  }
}
