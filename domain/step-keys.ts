import type { Step } from './vocabulary.ts';

/** What names a piece of a request's work, in workflows, activities and the ledger alike. Never an identity. */
export interface RequestKey {
  readonly requestId: string;
}

/** One processor's part of one request. */
export interface ProcessorKey extends RequestKey {
  readonly project: string;
  readonly processor: string;
}

/** One claimed batch in one processor. */
export interface BatchKey extends ProcessorKey {
  readonly batch: number;
}

/** One processor in one epoch of an export. */
export interface CollectionKey extends ProcessorKey {
  readonly epoch: number;
}

/** The step that needs an operator; `batch` 0: the step does not belong to one batch. */
export interface AttentionKey extends BatchKey {
  readonly step: Step;
}

/** At which instant of the workflow's clock an activity works (epoch milliseconds). */
export interface AsOf {
  readonly asOf: number;
}
