import { batchActivities } from './delete-batch.ts';
import type { ActivityDeps } from './deps.ts';
import { withRedactedFailures } from './failures.ts';
import { housekeepingActivities } from './housekeeping.ts';
import { ledgerActivities } from './ledger.ts';
import { processorActivities } from './processor-steps.ts';
import { resolveActivities } from './resolve.ts';

/** On the requests' queue: Lethe's own database, and starting workflows. */
export const createLedgerActivities = (deps: ActivityDeps) =>
  withRedactedFailures({ ...ledgerActivities(deps), ...housekeepingActivities(deps) });

/** On a processor's queue. */
export const createProcessorActivities = (deps: ActivityDeps) =>
  withRedactedFailures({ ...resolveActivities(deps), ...processorActivities(deps), ...batchActivities(deps) });

export type LedgerActivities = ReturnType<typeof createLedgerActivities>;
export type ProcessorActivities = ReturnType<typeof createProcessorActivities>;
