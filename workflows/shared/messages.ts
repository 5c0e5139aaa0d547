import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { AttentionCode, Status } from '../../domain/vocabulary.ts';

/** Everything that passes between Lethe's processes and its workflows. Ids, numbers and closed codes: never an identity. */

export const REQUESTS_TASK_QUEUE = 'lethe-requests-v2';
/** One queue per system: a system that fails or is slow takes no worker from the others. */
export const systemTaskQueue = (project: string, system: string): string => `lethe-system-v2/${project}/${system}`;
/** Packing and removing archives: few at a time, since each takes a core. */
export const ARCHIVES_TASK_QUEUE = 'lethe-archives-v1';
/** Mail and webhooks: a slow receiver does not delay the ledger's activities. */
export const NOTIFICATION_TASK_QUEUE = 'lethe-notifications-v1';

export interface SuppressionInput {
  readonly suppressionId: string;
}

export interface RequestProgress {
  readonly status: Status;
  /** What the workflow waits for, in words for a person: `the run of 2026-12-05T02:00:00.000Z`. */
  readonly waitingFor: string | null;
  readonly subjects: number;
  readonly held: number;
  readonly attention: readonly { readonly system: string; readonly code: AttentionCode }[];
  /** For deletions: claimed batches. For exports: systems that are not collected yet, by epoch. */
  readonly batches: readonly { readonly system: string; readonly batch: number }[];
}

export const progressQuery = defineQuery<RequestProgress>('progress');
/** A hold, release, cancellation, expedition, retry or skip was written: the workflow reads the rows again. */
export const wakeSignal = defineSignal('wake');

export const searchAttributes = {
  kind: defineSearchAttributeKey('LetheKind', 'KEYWORD'),
  status: defineSearchAttributeKey('LetheStatus', 'KEYWORD'),
  project: defineSearchAttributeKey('LetheProject', 'KEYWORD'),
  dueAt: defineSearchAttributeKey('LetheDueAt', 'DATETIME'),
  subjects: defineSearchAttributeKey('LetheSubjects', 'INT'),
  needsAttention: defineSearchAttributeKey('LetheNeedsAttention', 'BOOL'),
} as const;
