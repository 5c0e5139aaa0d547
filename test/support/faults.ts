import { DAY_MS } from '../../domain/calendar.ts';
import { type Connector, ConnectorError, type Verification } from '../../connectors/connector.ts';

/** What a real connector is made to do wrong, and what it was asked to do. */
export interface Faults {
  /** Verbs that cannot reach the system while they are in here. */
  readonly away: Set<keyof Connector>;
  /** Verbs that are refused for good while they are in here. */
  readonly refused: Set<keyof Connector>;
  /** Says this instead of looking, as long as it is not null. */
  verification: Verification | null;
  /** So many times it takes the order and asks to be asked again, with a ticket, before it deletes. */
  askAgain: number;
  readonly tickets: (string | null)[];
  /** Waited for before each count. */
  beforeCount: (() => Promise<void>) | null;
  /** Waited for before each table is handed out. */
  beforeTable: ((table: string) => Promise<void>) | null;
  /** Done after each hard deletion: late rows. */
  afterDelete: (() => Promise<void>) | null;
  readonly calls: (keyof Connector)[];
}

export const noFaults = (): Faults => ({
  away: new Set(),
  refused: new Set(),
  verification: null,
  askAgain: 0,
  tickets: [],
  beforeCount: null,
  beforeTable: null,
  afterDelete: null,
  calls: [],
});

/** Does again what it is asked to; what it was asked before stays in `calls` and `tickets`. */
export function repair(faults: Faults): void {
  faults.away.clear();
  faults.refused.clear();
  const none = { verification: null, askAgain: 0, beforeCount: null, beforeTable: null, afterDelete: null };
  Object.assign(faults, none satisfies Partial<Faults>);
}

/** The real connector behind its faults. */
export function faulty(connector: Connector, faults: Faults): Connector {
  const asked = (verb: keyof Connector): void => {
    faults.calls.push(verb);
    if (faults.away.has(verb)) throw new ConnectorError('unavailable', 'away', { retryable: true });
    if (faults.refused.has(verb)) throw new ConnectorError('refused', 'refused', { retryable: false });
  };
  return {
    async inspect() {
      asked('inspect');
      return connector.inspect();
    },
    async *resolve(selection, work) {
      asked('resolve');
      if (connector.resolve !== undefined) yield* connector.resolve(selection, work);
    },
    async count(...args) {
      asked('count');
      await faults.beforeCount?.();
      return connector.count(...args);
    },
    async *export(...args) {
      asked('export');
      for await (const table of connector.export?.(...args) ?? []) {
        await faults.beforeTable?.(table.table);
        yield table;
      }
    },
    async setVisibility(...args) {
      asked('setVisibility');
      await connector.setVisibility?.(...args);
    },
    async hardDelete(batch, deletion, work) {
      asked('hardDelete');
      faults.tickets.push(deletion.ticket);
      if (faults.askAgain > 0) {
        faults.askAgain -= 1;
        return { askAgainAt: new Date(deletion.at.getTime() + DAY_MS), ticket: `ticket-${faults.askAgain}` };
      }
      const done = await connector.hardDelete(batch, deletion, work);
      await faults.afterDelete?.();
      return done;
    },
    async verify(...args) {
      asked('verify');
      return faults.verification ?? connector.verify(...args);
    },
    async setSuppression(...args) {
      asked('setSuppression');
      await connector.setSuppression?.(...args);
    },
    async conclude(...args) {
      asked('conclude');
      await connector.conclude?.(...args);
    },
    close: () => connector.close(),
  };
}
