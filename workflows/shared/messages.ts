import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';

// The queues and messages of Lethe's processes and workflows. They contain ids, numbers and closed codes, never an
// identity.

export const REQUESTS_TASK_QUEUE = 'lethe-requests-v2';
/** Each system has its own queue, so that a failing or slow system takes no worker from the others. */
export const systemTaskQueue = (project: string, system: string): string => `lethe-system-v2/${project}/${system}`;
/**
 * A second queue of each system, for the steps that hide and restore. The long steps of the other queue, such as exports, do
 * not take the slots of its workers.
 */
export const hidingTaskQueue = (project: string, system: string): string => `lethe-hiding-v1/${project}/${system}`;
/** The queue for packaging and removing archives. Few run at a time, since each takes a core. */
export const ARCHIVES_TASK_QUEUE = 'lethe-archives-v1';
/** The queue for mail and webhooks, so that a slow receiver does not delay the ledger's activities. */
export const NOTIFICATION_TASK_QUEUE = 'lethe-notifications-v1';

/**
 * The order of the tasks that wait in a queue, between 1 (first) and 5. Within one priority, Temporal serves projects in turn
 * where fairness is enabled. Steps of a child workflow are not urgent.
 */
const PRIORITY = { hiding: 1, other: 4, child: 3 } as const;
export const priorityOf = ({
  project,
  hidesSubjects,
}: {
  readonly project: string;
  readonly hidesSubjects: boolean;
}): { readonly priorityKey: number; readonly fairnessKey: string } => ({
  priorityKey: hidesSubjects ? PRIORITY.hiding : PRIORITY.other,
  fairnessKey: project,
});
/** For steps that hide or restore, in a workflow of any priority. */
export const HIDING_PRIORITY = { priorityKey: PRIORITY.hiding } as const;
export const CHILD_PRIORITY = { priorityKey: PRIORITY.child } as const;

export interface SuppressionInput {
  readonly suppressionId: string;
}

/** The system that a workflow watches. `lethe` is the archive storage. */
export interface WatchInput {
  readonly project: string;
  readonly system: string;
}

export interface RequestProgress {
  readonly status: Status;
  /** What the workflow waits for, in words: `Grace period until 2026-12-14 02:00 UTC; can be cancelled until then`. */
  readonly waitingFor: string | null;
  readonly subjects: number;
  readonly held: number;
  readonly attention: DeletionState['attention'];
  /** For deletions: claimed batches. For exports: systems that are not collected yet, by epoch. */
  readonly batches: DeletionState['openBatches'];
}

export const progressQuery = defineQuery<RequestProgress>('progress');
/** Makes a workflow read its rows again after a change (hold, release, cancel, confirm, expedite, retry, skip). */
export const requestChangedSignal = defineSignal('requestChanged');
/** Makes the workflow of a channel deliver what is due. */
export const notificationQueuedSignal = defineSignal('notificationQueued');

/** Makes the watch of a system probe it again, because a call was not answered. */
export const systemUnansweredSignal = defineSignal('systemUnanswered');

export const searchAttributes = {
  kind: defineSearchAttributeKey('LetheKind', 'KEYWORD'),
  status: defineSearchAttributeKey('LetheStatus', 'KEYWORD'),
  project: defineSearchAttributeKey('LetheProject', 'KEYWORD'),
  dueAt: defineSearchAttributeKey('LetheDueAt', 'DATETIME'),
  subjects: defineSearchAttributeKey('LetheSubjects', 'INT'),
  needsAttention: defineSearchAttributeKey('LetheNeedsAttention', 'BOOL'),
} as const;
