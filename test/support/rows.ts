import type { Database } from '../../db/client.ts';

/** The same database, and how many rows of answers have come out of its transactions. */
export function countingRows(database: Database): { readonly counted: Database; readonly rows: () => number } {
  let rows = 0;
  const counted = new Proxy(database, {
    get(target, name): unknown {
      if (name !== 'begin') return Reflect.get(target, name);
      return (options: string, work: (tx: unknown) => unknown) => target.begin(options, (tx) => work(counting(tx)));
    },
  });
  return { counted, rows: () => rows };

  function counting<Tx extends (...sent: never[]) => unknown>(tx: Tx): Tx {
    return new Proxy(tx, {
      apply(target, self, sent: unknown[]): unknown {
        const query: unknown = Reflect.apply(target, self, sent);
        // Whatever is awaited is an answer; a part of another statement never is.
        if (query instanceof Promise) {
          const then = query.then.bind(query);
          const awaited: typeof then = (done, failed) =>
            then((answer) => {
              rows += Array.isArray(answer) ? answer.length : 0;
              return done?.(answer) as never;
            }, failed);
          Reflect.set(query, 'then', awaited);
        }
        return query;
      },
    });
  }
}
