import type { Client, Database, TransactionClient } from '../../db/client.ts';

/** Wraps a database to count the rows that its transactions receive. */
export function countingRows(database: Database): { readonly counted: Database; readonly rows: () => number } {
  let rows = 0;
  const client = new Proxy(database.$client, {
    get(target, name): unknown {
      if (name !== 'begin') return Reflect.get(target, name);
      return (options: string, work: (connection: unknown) => unknown) =>
        target.begin(options, (connection) => work(wrapConnection(connection)));
    },
  }) satisfies Client;
  const counted = new Proxy(database, {
    get: (target, name): unknown => (name === '$client' ? client : Reflect.get(target, name)),
  });
  return { counted, rows: () => rows };

  function wrapConnection(connection: TransactionClient): TransactionClient {
    const { unsafe } = connection;
    connection.unsafe = ((...sent: Parameters<typeof unsafe>) =>
      countResult(unsafe(...sent))) as TransactionClient['unsafe'];
    return new Proxy(connection, {
      apply: (target, self, sent: unknown[]): unknown => countResult(Reflect.apply(target, self, sent)),
    });
  }

  function countResult<Query>(query: Query): Query {
    if (!(query instanceof Promise)) return query;
    const then = query.then.bind(query);
    const awaited: typeof then = (done, failed) =>
      then((result) => {
        rows += Array.isArray(result) ? result.length : 0;
        return done?.(result) as never;
      }, failed);
    Reflect.set(query, 'then', awaited);
    return query;
  }
}
