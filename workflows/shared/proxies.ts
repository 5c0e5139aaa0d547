import { type ActivityInterfaceFor, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type {
  ArchiveActivities,
  LedgerActivities,
  ProcessorActivities,
  TellingActivities,
} from '../../activities/index.ts';
import { ARCHIVES_TASK_QUEUE, processorTaskQueue, TELLING_TASK_QUEUE } from './messages.ts';

/** Lethe's own database: short statements, by a worker that may be killed; while it is away everything waits for it. */
export const ledger: ActivityInterfaceFor<LedgerActivities> = proxyActivities<LedgerActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/**
 * A processor, on its own queue: attempts back off to ten minutes. `patience` bounds them all, after which the step is
 * parked for an operator. One attempt may take a day (a large batch at a gentle pace) as long as it gives signs of life.
 */
const processorProxy = (
  project: string,
  processor: string,
  patience: '10 minutes' | '3 days',
  more: Pick<ActivityOptions, 'cancellationType'> = {},
): ActivityInterfaceFor<ProcessorActivities> =>
  proxyActivities<ProcessorActivities>({
    ...more,
    taskQueue: processorTaskQueue(project, processor),
    startToCloseTimeout: '24 hours',
    scheduleToCloseTimeout: patience,
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
  });

/** For what must happen: hiding, deleting, verifying, tidying up. */
export const processor = (project: string, name: string) => processorProxy(project, name, '3 days');

/** For what a claim waits for: a run that cannot be prepared is given up for now rather than held open. */
export const beforeClaim = (project: string, name: string) => processorProxy(project, name, '10 minutes');

/** For what may be called off: nothing is tidied up after it before it has really stopped. */
export const untilStopped = (project: string, name: string) =>
  processorProxy(project, name, '3 days', { cancellationType: 'WAIT_CANCELLATION_COMPLETED' });

/** The storage of archives: an attempt at a large one may take a day, and has stopped before anything is tidied up after it. */
export const archives: ActivityInterfaceFor<ArchiveActivities> = proxyActivities<ArchiveActivities>({
  taskQueue: ARCHIVES_TASK_QUEUE,
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '3 days',
  heartbeatTimeout: '30 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
});

/** Whoever is told: a page of deliveries, each with a timeout of its own. What failed is tried again by the rows. */
export const outside: ActivityInterfaceFor<TellingActivities> = proxyActivities<TellingActivities>({
  taskQueue: TELLING_TASK_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});
