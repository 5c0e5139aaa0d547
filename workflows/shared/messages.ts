import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { AttentionCode, Status } from '../../domain/vocabulary.ts';

/** Everything that passes between Lethe's processes and its workflows. Ids, numbers and closed codes: never an identity. */

export const REQUESTS_TASK_QUEUE = 'lethe-requests-v1';
/** One queue per processor: one that is in trouble keeps no worker from the others. */
export const processorTaskQueue = (project: string, processor: string): string =>
  `lethe-processor-v1/${project}/${processor}`;
/** Packing and removing archives: few at a time, since each takes a core. */
export const ARCHIVES_TASK_QUEUE = 'lethe-archives-v1';
/** Mail and webhooks: a receiver that is slow keeps nobody from the ledger. */
export const TELLING_TASK_QUEUE = 'lethe-telling-v1';

export interface ExportInput {
  readonly requestId: string;
}
export interface DeletionInput {
  readonly requestId: string;
}
export interface SuppressionInput {
  readonly suppressionId: string;
}

/** Whoever tells one channel of a project what has changed: `mail`, or a webhook's id. */
export interface TellingInput {
  readonly project: string;
  readonly channel: string;
}

export interface BatchInput {
  readonly requestId: string;
  readonly project: string;
  readonly processor: string;
  readonly batch: number;
}

/** One processor in one epoch of an export. */
export interface CollectionInput {
  readonly requestId: string;
  readonly project: string;
  readonly processor: string;
  readonly epoch: number;
}

export interface RequestProgress {
  readonly status: Status;
  /** What the workflow waits for, in words for a person: `the run of 2026-12-05T02:00:00.000Z`. */
  readonly waitingFor: string | null;
  readonly subjects: number;
  readonly held: number;
  readonly attention: readonly { readonly processor: string; readonly code: AttentionCode }[];
  /** Of a deletion, claimed batches; of an export, what is still to be collected, by epoch. */
  readonly batches: readonly { readonly processor: string; readonly batch: number }[];
}

export const progressQuery = defineQuery<RequestProgress>('progress');
/** A hold, release, cancellation, expedition, retry or skip was written: read the rows again. */
export const wakeSignal = defineSignal('wake');

export const searchAttributes = {
  kind: defineSearchAttributeKey('LetheKind', 'KEYWORD'),
  status: defineSearchAttributeKey('LetheStatus', 'KEYWORD'),
  project: defineSearchAttributeKey('LetheProject', 'KEYWORD'),
  dueAt: defineSearchAttributeKey('LetheDueAt', 'DATETIME'),
  subjects: defineSearchAttributeKey('LetheSubjects', 'INT'),
  needsAttention: defineSearchAttributeKey('LetheNeedsAttention', 'BOOL'),
} as const;
