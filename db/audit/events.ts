import type { BusinessEvent } from '../../domain/wording/events.ts';
import type { Database, Queries, Transaction } from '../client.ts';

/** The events of the open transactions. */
const uncommitted = new WeakMap<Queries, BusinessEvent[]>();

/** Collects the events of a transaction. The returned function reports them and is called after the commit. */
export function collectEvents(database: Database, tx: Transaction): () => void {
  const events: BusinessEvent[] = [];
  uncommitted.set(tx, events);
  return () => {
    for (const event of events) database.onEvent?.(event);
  };
}

/** Reports an event after the commit of its transaction, or now if the statement before was a transaction of its own. */
export function reportEvent(queries: Queries, event: BusinessEvent): void {
  const events = uncommitted.get(queries);
  if (events !== undefined) events.push(event);
  else if ('onEvent' in queries) queries.onEvent?.(event);
}
