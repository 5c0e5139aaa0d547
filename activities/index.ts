import { backupActivities } from './backup.ts';
import { batchActivities } from './delete-batch.ts';
import type { ActivityDeps } from './deps.ts';
import { withRedactedFailures } from './failures.ts';
import { collectActivities } from './exports/collect.ts';
import { exportActivities } from './exports/steps.ts';
import { archiveActivities } from './exports/package.ts';
import { housekeepingActivities } from './housekeeping.ts';
import { ledgerActivities } from './ledger.ts';
import { processorActivities } from './processor-steps.ts';
import { resolveActivities } from './resolve.ts';
import { tellingActivities, tellingOfChanges } from './notifications.ts';
import { withSignsOfLife } from './connector-context.ts';

/** On the requests' queue: Lethe's own database, and starting workflows. */
export const createLedgerActivities = (deps: ActivityDeps) =>
  withRedactedFailures(
    withSignsOfLife(
      tellingOfChanges(deps, {
        ...ledgerActivities(deps),
        ...backupActivities(deps),
        ...exportActivities(deps),
        ...housekeepingActivities(deps),
      }),
    ),
  );

/** On a processor's queue. */
export const createProcessorActivities = (deps: ActivityDeps) =>
  withRedactedFailures({
    ...resolveActivities(deps),
    ...processorActivities(deps),
    ...batchActivities(deps),
    ...collectActivities(deps),
  });

/** On the queue of whoever works in the storage of archives. */
export const createArchiveActivities = (deps: ActivityDeps) =>
  withRedactedFailures(tellingOfChanges(deps, archiveActivities(deps)));

/** On the queue of whoever is told. */
export const createTellingActivities = (deps: ActivityDeps) =>
  withRedactedFailures(withSignsOfLife(tellingActivities(deps)));

export type LedgerActivities = ReturnType<typeof createLedgerActivities>;
export type ProcessorActivities = ReturnType<typeof createProcessorActivities>;
export type ArchiveActivities = ReturnType<typeof createArchiveActivities>;
export type TellingActivities = ReturnType<typeof createTellingActivities>;
