import type { ActivityOptions } from '@temporalio/workflow';
import type {
  ArchiveActivities,
  LedgerActivities,
  NotificationActivities,
  SystemActivities,
} from '../../activities/index.ts';
import {
  ARCHIVES_TASK_QUEUE,
  HIDING_PRIORITY,
  hidingTaskQueue,
  NOTIFICATION_TASK_QUEUE,
  systemTaskQueue,
} from './messages.ts';
import {
  ARCHIVE_SUMMARIES,
  LEDGER_SUMMARIES,
  NOTIFICATION_SUMMARIES,
  proxyWithSummaries,
  SYSTEM_SUMMARIES,
} from './summaries.ts';

/** Short intervals, so that the end of an outage is noticed within seconds. The rows decide longer waits. */
const BACK_OFF = { initialInterval: '1 second', maximumInterval: '10 seconds' } as const;

/** Within this time, Temporal retries the activities of a worker that was killed. Workers heartbeat several times in it. */
const HEARTBEAT_TIMEOUT = '15 seconds';

/**
 * Lethe's own database: short statements. While the database is unavailable, every request waits and retries. A cancelled
 * task leaves its statement to finish: a cancellation would arrive after its end.
 */
export const ledger = proxyWithSummaries<LedgerActivities>(
  {
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'ABANDON',
    retry: BACK_OFF,
  },
  LEDGER_SUMMARIES,
);

/**
 * A system, on its own queue. After three failed attempts the workflow defers the step, and the rows decide when it is
 * retried; after `timeout` also if no worker has finished one. One attempt may take a day (a large batch at a slow pace)
 * as long as it heartbeats.
 */
const systemProxy = (
  project: string,
  system: string,
  timeout: '10 minutes' | '3 days',
  more: Pick<ActivityOptions, 'cancellationType' | 'taskQueue' | 'priority'> = {},
): SystemActivities =>
  proxyWithSummaries<SystemActivities>(
    {
      taskQueue: systemTaskQueue(project, system),
      startToCloseTimeout: '24 hours',
      scheduleToCloseTimeout: timeout,
      heartbeatTimeout: HEARTBEAT_TIMEOUT,
      retry: BACK_OFF,
      ...more,
    },
    SYSTEM_SUMMARIES,
  );

/** For hiding and restoring, and for what they wait for. They go before the steps of all other requests. */
export const hidingSystem = (project: string, name: string) =>
  systemProxy(project, name, '3 days', { taskQueue: hidingTaskQueue(project, name), priority: HIDING_PRIORITY });

/** For other steps that must succeed, such as deletion, verification and cleanup. */
export const system = (project: string, name: string) => systemProxy(project, name, '3 days');

/** For steps that a claim waits for. The workflow defers a claim whose preparation takes longer. */
export const systemShortTimeout = (project: string, name: string) => systemProxy(project, name, '10 minutes');

/** For steps that the workflow may cancel. It cleans up only after the activity has stopped. */
export const systemWaitForCancel = (project: string, name: string) =>
  systemProxy(project, name, '3 days', { cancellationType: 'WAIT_CANCELLATION_COMPLETED' });

/** The storage of archives. An attempt may take a day; a cancelled one has stopped before the workflow cleans up. */
export const archives = proxyWithSummaries<ArchiveActivities>(
  {
    taskQueue: ARCHIVES_TASK_QUEUE,
    startToCloseTimeout: '24 hours',
    scheduleToCloseTimeout: '3 days',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: BACK_OFF,
  },
  ARCHIVE_SUMMARIES,
);

/** Mail and webhooks: a page of deliveries, each with its own timeout. The rows decide when a failed one is retried. */
export const notifications = proxyWithSummaries<NotificationActivities>(
  {
    taskQueue: NOTIFICATION_TASK_QUEUE,
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: BACK_OFF,
  },
  NOTIFICATION_SUMMARIES,
);
