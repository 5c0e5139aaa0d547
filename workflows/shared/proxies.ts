import { type ActivityInterfaceFor, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type {
  ArchiveActivities,
  LedgerActivities,
  SystemActivities,
  NotificationActivities,
} from '../../activities/index.ts';
import { ARCHIVES_TASK_QUEUE, NOTIFICATION_TASK_QUEUE, systemTaskQueue } from './messages.ts';

/** Lethe's own database: short statements. While the database is unavailable, every request waits and retries. */
export const ledger: ActivityInterfaceFor<LedgerActivities> = proxyActivities<LedgerActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/**
 * A system, on its own queue: attempts back off to ten minutes. After `timeout` the workflow defers the step and raises
 * attention. One attempt may take a day (a large batch at a slow pace) as long as it heartbeats.
 */
const systemProxy = (
  project: string,
  system: string,
  timeout: '10 minutes' | '3 days',
  more: Pick<ActivityOptions, 'cancellationType'> = {},
): ActivityInterfaceFor<SystemActivities> =>
  proxyActivities<SystemActivities>({
    ...more,
    taskQueue: systemTaskQueue(project, system),
    startToCloseTimeout: '24 hours',
    scheduleToCloseTimeout: timeout,
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
  });

/** For steps that must happen: hiding, deleting, verifying, cleaning up. */
export const system = (project: string, name: string) => systemProxy(project, name, '3 days');

/** For steps that a claim waits for: a claim that cannot be prepared in time is deferred. */
export const systemShortTimeout = (project: string, name: string) => systemProxy(project, name, '10 minutes');

/** For steps that the workflow may cancel: it cleans up only after the activity has really stopped. */
export const systemWaitForCancel = (project: string, name: string) =>
  systemProxy(project, name, '3 days', { cancellationType: 'WAIT_CANCELLATION_COMPLETED' });

/** The storage of archives: an attempt may take a day, and has really stopped before the workflow cleans up after it. */
export const archives: ActivityInterfaceFor<ArchiveActivities> = proxyActivities<ArchiveActivities>({
  taskQueue: ARCHIVES_TASK_QUEUE,
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '3 days',
  heartbeatTimeout: '30 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
});

/** Mail and webhooks: a page of deliveries, each with a timeout of its own. The rows say when a failed one is retried. */
export const notifications: ActivityInterfaceFor<NotificationActivities> = proxyActivities<NotificationActivities>({
  taskQueue: NOTIFICATION_TASK_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});
