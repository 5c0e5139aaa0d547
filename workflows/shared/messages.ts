import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { DeletionState } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';

/** Everything that Lethe's processes and its workflows exchange. Ids, numbers and closed codes, never an identity. */

export const REQUESTS_TASK_QUEUE = 'lethe-requests-v2';
/** One queue per system: a failing or slow system takes no worker from the others. */
export const systemTaskQueue = (project: string, system: string): string => `lethe-system-v2/${project}/${system}`;
/** Packages and removes archives. Few at a time, since each takes a core. */
export const ARCHIVES_TASK_QUEUE = 'lethe-archives-v1';
/** Mail and webhooks: a slow receiver does not delay the ledger's activities. */
export const NOTIFICATION_TASK_QUEUE = 'lethe-notifications-v1';

export interface SuppressionInput {
  readonly suppressionId: string;
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
/** The rows of a request have changed (hold, release, cancel, confirm, expedite, retry, skip): its workflow reads them again. */
export const requestChangedSignal = defineSignal('requestChanged');
/** A channel has a new notification: its workflow delivers what is due. */
export const notificationQueuedSignal = defineSignal('notificationQueued');

export const searchAttributes = {
  kind: defineSearchAttributeKey('LetheKind', 'KEYWORD'),
  status: defineSearchAttributeKey('LetheStatus', 'KEYWORD'),
  project: defineSearchAttributeKey('LetheProject', 'KEYWORD'),
  dueAt: defineSearchAttributeKey('LetheDueAt', 'DATETIME'),
  subjects: defineSearchAttributeKey('LetheSubjects', 'INT'),
  needsAttention: defineSearchAttributeKey('LetheNeedsAttention', 'BOOL'),
} as const;
