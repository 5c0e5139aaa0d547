import { DAY_MS } from '../../domain/calendar.ts';
import { type Connector, ConnectorError, type Verification } from '../../connectors/connector.ts';

/** Faults to inject into a real connector, and the calls that it received. */
export interface Faults {
  /** Methods that fail as if the system were unreachable. */
  readonly away: Set<keyof Connector>;
  /** Methods that fail with an error that is not retryable. */
  readonly refused: Set<keyof Connector>;
  /** The result of `verify`, unless null. */
  verification: Verification | null;
  /** The number of times that `hardDelete` keeps a ticket and continues a day later instead of deleting. */
  postponements: number;
  /** The tickets that each call of `hardDelete` was given. */
  readonly tickets: string[][];
  /** Awaited before each count. */
  beforeCount: (() => Promise<void>) | null;
  /** Awaited before each exported table. */
  beforeTable: ((table: string) => Promise<void>) | null;
  /** Awaited after each hard deletion, for example to insert late rows. */
  afterDelete: (() => Promise<void>) | null;
  readonly calls: (keyof Connector)[];
}

export const noFaults = (): Faults => ({
  away: new Set(),
  refused: new Set(),
  verification: null,
  postponements: 0,
  tickets: [],
  beforeCount: null,
  beforeTable: null,
  afterDelete: null,
  calls: [],
});

/** Removes all faults, and the calls and tickets of the last test, so that no test waits for a call that it did not cause. */
export function clearFaults(faults: Faults): void {
  faults.away.clear();
  faults.refused.clear();
  faults.calls.length = 0;
  faults.tickets.length = 0;
  const none = { verification: null, postponements: 0, beforeCount: null, beforeTable: null, afterDelete: null };
  Object.assign(faults, none satisfies Partial<Faults>);
}

/** Wraps a real connector so that it has the given faults. */
export function withFaults(connector: Connector, faults: Faults): Connector {
  const recordCall = (method: keyof Connector): void => {
    faults.calls.push(method);
    if (faults.away.has(method)) throw new ConnectorError('unavailable', 'away', { retryable: true });
    if (faults.refused.has(method)) throw new ConnectorError('refused', 'refused', { retryable: false });
  };
  const { resolve, count, setVisibility, verify, setSuppression, purge, conclude } = connector;
  const exportRows = connector.export;
  const recorded =
    <Input extends readonly unknown[], Output>(method: keyof Connector, verb: (...input: Input) => Promise<Output>) =>
    async (...input: Input): Promise<Output> => {
      recordCall(method);
      return verb(...input);
    };
  return {
    inspect: recorded('inspect', (options) => connector.inspect(options)),
    probe: recorded('probe', async () => connector.probe?.()),
    ...(resolve && {
      async *resolve(...args) {
        recordCall('resolve');
        yield* resolve.apply(connector, args);
      },
    }),
    ...(count && {
      async count(...args) {
        recordCall('count');
        await faults.beforeCount?.();
        return count.apply(connector, args);
      },
    }),
    ...(exportRows && {
      async *export(...args) {
        recordCall('export');
        for await (const table of exportRows.apply(connector, args)) {
          await faults.beforeTable?.(table.table);
          yield table;
        }
      },
    }),
    ...(setVisibility && { setVisibility: recorded('setVisibility', setVisibility.bind(connector)) }),
    async hardDelete(batch, deletion, work) {
      recordCall('hardDelete');
      faults.tickets.push(deletion.tickets.map(({ ticket }) => ticket));
      if (faults.postponements > 0) {
        faults.postponements -= 1;
        const range = { firstSeq: batch.firstSeq, lastSeq: batch.lastSeq, part: 0 };
        await deletion.keepTicket(range, `ticket-${faults.postponements}`);
        return { continueAt: new Date(deletion.at.getTime() + DAY_MS) };
      }
      const done = await connector.hardDelete(batch, deletion, work);
      await faults.afterDelete?.();
      return done;
    },
    ...(verify && {
      async verify(...args) {
        recordCall('verify');
        return faults.verification ?? verify.apply(connector, args);
      },
    }),
    ...(setSuppression && { setSuppression: recorded('setSuppression', setSuppression.bind(connector)) }),
    ...(purge && { purge: recorded('purge', purge.bind(connector)) }),
    ...(conclude && { conclude: recorded('conclude', conclude.bind(connector)) }),
    close: () => connector.close(),
  } satisfies Connector;
}
