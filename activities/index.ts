import { batchActivities } from './deletion/delete-batch.ts';
import type { ActivityDeps } from './deps.ts';
import { withRedactedFailures } from './failures.ts';
import { collectActivities } from './exports/collect.ts';
import { exportActivities } from './exports/steps.ts';
import { archiveActivities } from './exports/package.ts';
import { housekeepingActivities } from './housekeeping.ts';
import { ledgerActivities } from './ledger.ts';
import { systemActivities } from './system-steps.ts';
import { resolveActivities } from './resolve.ts';
import { suppressionActivities } from './suppressions/steps.ts';
import { notificationActivities, withNotificationDispatch } from './notifications.ts';
import { withHeartbeat } from './middleware.ts';
import { probeActivities } from './outages/probe.ts';

/** The activities of the requests' queue. They use only Lethe's own database, and start workflows. */
export const createLedgerActivities = (deps: ActivityDeps) =>
  withRedactedFailures(
    deps,
    withHeartbeat(
      withNotificationDispatch(deps, {
        ...ledgerActivities(deps),
        ...exportActivities(deps),
        ...housekeepingActivities(deps),
        ...probeActivities(deps),
      }),
    ),
  );

/** The activities of a system's queue. */
export const createSystemActivities = (deps: ActivityDeps) =>
  withRedactedFailures(deps, {
    ...resolveActivities(deps),
    ...systemActivities(deps),
    // A deletion can open a task for a person.
    ...withNotificationDispatch(deps, batchActivities(deps)),
    ...suppressionActivities(deps),
    ...collectActivities(deps),
  });

/** The activities of the archives' queue. */
export const createArchiveActivities = (deps: ActivityDeps) =>
  withRedactedFailures(deps, withNotificationDispatch(deps, archiveActivities(deps)));

/** The activities of the notifications' queue. */
export const createNotificationActivities = (deps: ActivityDeps) =>
  withRedactedFailures(deps, withHeartbeat(notificationActivities(deps)));

export type LedgerActivities = ReturnType<typeof createLedgerActivities>;
export type SystemActivities = ReturnType<typeof createSystemActivities>;
export type ArchiveActivities = ReturnType<typeof createArchiveActivities>;
export type NotificationActivities = ReturnType<typeof createNotificationActivities>;
