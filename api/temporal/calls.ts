import type { SignalDefinition } from '@temporalio/common';
import { type Client, isGrpcServiceError, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { StartFacts } from '../../db/requests/start.ts';
import { notificationWorkflowIdFor, watchWorkflowIdFor, workflowIdFor } from '../../domain/ids.ts';
import { countOf } from '../../domain/wording/format.ts';
import {
  notificationQueuedSignal,
  priorityOf,
  REQUESTS_TASK_QUEUE,
  requestChangedSignal,
  searchAttributes,
  systemUnansweredSignal,
} from '../../workflows/shared/messages.ts';

/** The calls to Temporal that start and signal workflows. Idempotent. They throw the client's errors. */
export interface TemporalCalls {
  /** Starts the workflow of a request unless it runs or is completed. Starts a terminated or failed one again. */
  startRequest(requestId: string, facts: StartFacts): Promise<void>;
  /** Throws `WorkflowNotFoundError` if the workflow does not run. */
  signalRequest(requestId: string): Promise<void>;
  /** Gives a running workflow the priority of requests that hide. */
  prioritizeRequest(requestId: string, project: string): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  /** Starts or signals the workflow of a channel. */
  startNotifications(project: string, channel: string): Promise<void>;
  /** Starts or signals the workflow that probes a system until it answers. */
  watchSystem(project: string, system: string): Promise<void>;
}

export function temporalCalls(client: Client): TemporalCalls {
  const startOnce = async (type: string, workflowId: string, options: Partial<StartOptions>): Promise<void> => {
    await client.workflow
      .start(type, {
        taskQueue: REQUESTS_TASK_QUEUE,
        workflowId,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'USE_EXISTING',
        ...options,
      })
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      });
  };
  const startOrSignal = async (
    type: string,
    workflowId: string,
    options: Pick<StartOptions, 'args' | 'staticSummary'> & { readonly signal: SignalDefinition },
  ): Promise<void> => {
    await client.workflow.signalWithStart(type, { taskQueue: REQUESTS_TASK_QUEUE, workflowId, ...options });
  };
  return {
    startRequest: (requestId, facts) =>
      startOnce(WORKFLOWS[facts.kind].type, workflowIdFor(requestId), startOptions(requestId, facts)),

    signalRequest: (requestId) => client.workflow.getHandle(workflowIdFor(requestId)).signal(requestChangedSignal),

    async prioritizeRequest(requestId, project) {
      await client.workflowService.updateWorkflowExecutionOptions({
        namespace: client.options.namespace,
        workflowExecution: { workflowId: workflowIdFor(requestId) },
        workflowExecutionOptions: { priority: priorityOf({ project, hidesSubjects: true }) },
        updateMask: { paths: ['priority'] },
      });
    },

    // Lifting a suppression notifies the systems again, so a completed run does not prevent a start.
    startSuppression: (suppressionId) =>
      startOnce('propagateSuppression', suppressionWorkflowId(suppressionId), {
        args: [{ suppressionId }],
        staticSummary: 'Suppression to place or lift in every system',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
      }),

    startNotifications: (project, channel) =>
      startOrSignal('deliverNotifications', notificationWorkflowIdFor(project, channel), {
        args: [{ project, channel }],
        signal: notificationQueuedSignal,
        staticSummary: `Notifications of ${project}: ${channel}`,
      }),

    watchSystem: (project, system) =>
      startOrSignal('watchSystem', watchWorkflowIdFor(project, system), {
        args: [{ project, system }],
        signal: systemUnansweredSignal,
        staticSummary: `Outage of ${system} in ${project}`,
      }),
  };
}

/** IDs contain no identity, so they may appear in Temporal. */
export const suppressionWorkflowId = (suppressionId: string): string => `sup-${suppressionId}`;

/** The workflow type of each kind of request, and its word in Temporal's UI. */
const WORKFLOWS = {
  deletion: { type: 'fulfillDeletion', word: 'Deletion' },
  export: { type: 'fulfillExport', word: 'Export' },
} as const;

interface StartOptions {
  readonly args: unknown[];
  readonly staticSummary: string;
  readonly workflowIdReusePolicy: 'ALLOW_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY';
  readonly typedSearchAttributes: ReturnType<typeof attributesOf>;
  readonly priority: ReturnType<typeof priorityOf>;
}

function startOptions(requestId: string, facts: StartFacts): Partial<StartOptions> {
  const due = facts.dueAt.toISOString().slice(0, 10);
  // The size of a segment, or of everyone, is not known yet.
  const subjects = facts.submitted === 0 ? '' : ` · ${countOf(facts.submitted, 'subject')}`;
  return {
    args: [{ requestId }],
    staticSummary: `${WORKFLOWS[facts.kind].word}${subjects} · due ${due}`,
    typedSearchAttributes: attributesOf(facts),
    priority: priorityOf(facts),
  };
}

const attributesOf = (facts: StartFacts) => [
  { key: searchAttributes.kind, value: facts.kind },
  { key: searchAttributes.status, value: 'received' },
  { key: searchAttributes.project, value: facts.project },
  { key: searchAttributes.dueAt, value: facts.dueAt },
  { key: searchAttributes.subjects, value: facts.submitted },
  { key: searchAttributes.needsAttention, value: false },
];

/** The code of an error. Its text is never logged, because it may quote the input of the call. */
export function temporalCode(error: unknown): string {
  const code = grpcCode(error);
  if (code !== null) return GRPC[code] ?? `grpc_${code}`;
  return error instanceof Error ? error.name : 'unknown';
}

/** Whether the error concerns Temporal as a whole, so that every other call would fail too. */
export const isOutage = (error: unknown): boolean => {
  const code = grpcCode(error);
  return code !== null && ['deadline_exceeded', 'resource_exhausted', 'unavailable'].includes(GRPC[code] ?? '');
};

function grpcCode(error: unknown): number | null {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : null;
}

/** Names of the common gRPC codes; any other keeps its number. */
const GRPC: Readonly<Record<number, string>> = {
  3: 'invalid_argument',
  4: 'deadline_exceeded',
  5: 'not_found',
  7: 'permission_denied',
  8: 'resource_exhausted',
  14: 'unavailable',
  16: 'unauthenticated',
};
