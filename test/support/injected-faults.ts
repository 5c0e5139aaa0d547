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
  /** The number of times that `hardDelete` returns a ticket instead of deleting. */
  postponements: number;
  readonly tickets: (string | null)[];
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
  return {
    async inspect() {
      recordCall('inspect');
      return connector.inspect();
    },
    async probe() {
      recordCall('probe');
      await connector.probe?.();
    },
    async *resolve(selection, work) {
      recordCall('resolve');
      if (connector.resolve !== undefined) yield* connector.resolve(selection, work);
    },
    async count(...args) {
      recordCall('count');
      await faults.beforeCount?.();
      return connector.count(...args);
    },
    async *export(...args) {
      recordCall('export');
      for await (const table of connector.export?.(...args) ?? []) {
        await faults.beforeTable?.(table.table);
        yield table;
      }
    },
    async setVisibility(...args) {
      recordCall('setVisibility');
      await connector.setVisibility?.(...args);
    },
    async hardDelete(batch, deletion, work) {
      recordCall('hardDelete');
      faults.tickets.push(deletion.ticket);
      if (faults.postponements > 0) {
        faults.postponements -= 1;
        return { continueAt: new Date(deletion.at.getTime() + DAY_MS), ticket: `ticket-${faults.postponements}` };
      }
      const done = await connector.hardDelete(batch, deletion, work);
      await faults.afterDelete?.();
      return done;
    },
    async verify(...args) {
      recordCall('verify');
      return faults.verification ?? connector.verify(...args);
    },
    async setSuppression(...args) {
      recordCall('setSuppression');
      await connector.setSuppression(...args);
    },
    async purge(...args) {
      recordCall('purge');
      await connector.purge?.(...args);
    },
    async conclude(...args) {
      recordCall('conclude');
      await connector.conclude?.(...args);
    },
    close: () => connector.close(),
  };
}
