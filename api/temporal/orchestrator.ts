import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { StartFacts } from '../../db/requests/start.ts';
import { notificationWorkflowIdFor, watchWorkflowIdFor, workflowIdFor } from '../../domain/ids.ts';
import { countOf } from '../../domain/wording/format.ts';
import {
  notificationQueuedSignal,
  REQUESTS_TASK_QUEUE,
  requestChangedSignal,
  searchAttributes,
  systemUnansweredSignal,
} from '../../workflows/shared/messages.ts';
import { type LiveProgress, readLiveProgress } from './live-progress.ts';

/**
 * The calls that the API makes to Temporal. None of them fails a request of a caller: the ledger is the source of truth,
 * and housekeeping repeats what failed.
 */
export interface Orchestrator {
  /** `facts` avoids a read if the caller has just written them. */
  start(requestId: string, facts?: StartFacts): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  signalRequests(requestIds: readonly string[]): Promise<void>;
  /** Starts or signals the workflow that delivers the notifications of a project's channel. */
  startNotifications(project: string, channel: string): Promise<void>;
  /** Starts or signals the workflow that probes a system until it answers. */
  watchSystem(project: string, system: string): Promise<void>;
  /** The state that only Temporal has. Null if Temporal is unavailable. */
  readProgress(requestId: string): Promise<LiveProgress | null>;
  isReachable(): Promise<boolean>;
}

export interface OrchestratorDeps {
  readonly factsOf: (requestId: string) => Promise<StartFacts | null>;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Short, because the caller waits for its response. */
const DEADLINE_MS = 1_500;
const CONCURRENT_SIGNALS = 20;

export function temporalOrchestrator(client: Client, deps: OrchestratorDeps): Orchestrator {
  const withDeadline = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + DEADLINE_MS, work);
  const logFailure = (action: string, id: string, error: unknown): void =>
    deps.log.warn({ action, id, code: temporalCode(error) }, 'Temporal call failed; housekeeping repeats it');

  /** Idempotent. Starts the workflow unless it runs or is completed. A terminated or failed workflow is started again. */
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

  return {
    async start(requestId, given) {
      try {
        const facts = given ?? (await deps.factsOf(requestId));
        if (facts === null) return;
        await withDeadline(() =>
          startOnce(WORKFLOWS[facts.kind].type, workflowIdFor(requestId), startOptions(requestId, facts)),
        );
      } catch (error) {
        logFailure('start', requestId, error);
      }
    },

    async startSuppression(suppressionId) {
      try {
        // Lifting a suppression notifies the systems again, so a completed run does not prevent a start.
        const options = {
          args: [{ suppressionId }],
          staticSummary: 'Suppression to place or lift in every system',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
        };
        await withDeadline(() => startOnce('propagateSuppression', suppressionWorkflowId(suppressionId), options));
      } catch (error) {
        logFailure('startSuppression', suppressionId, error);
      }
    },

    async signalRequests(requestIds) {
      const until = Date.now() + DEADLINE_MS;
      for (let from = 0; from < requestIds.length; from += CONCURRENT_SIGNALS) {
        const page = requestIds.slice(from, from + CONCURRENT_SIGNALS);
        const signal = (id: string) => client.workflow.getHandle(workflowIdFor(id)).signal(requestChangedSignal);
        const results = await Promise.allSettled(page.map((id) => client.withDeadline(until, () => signal(id))));
        const failed = results.find(
          (one) => one.status === 'rejected' && !(one.reason instanceof WorkflowNotFoundError),
        );
        if (failed?.status === 'rejected') return logFailure('signalRequests', page[0] ?? '', failed.reason);
      }
    },

    async startNotifications(project, channel) {
      try {
        const options = { taskQueue: REQUESTS_TASK_QUEUE, workflowId: notificationWorkflowIdFor(project, channel) };
        await withDeadline(() =>
          client.workflow.signalWithStart('deliverNotifications', {
            ...options,
            args: [{ project, channel }],
            signal: notificationQueuedSignal,
            staticSummary: `Notifications of ${project}: ${channel}`,
          }),
        );
      } catch (error) {
        logFailure('startNotifications', channel, error);
      }
    },

    async watchSystem(project, system) {
      try {
        const workflowId = watchWorkflowIdFor(project, system);
        await withDeadline(() =>
          client.workflow.signalWithStart('watchSystem', {
            taskQueue: REQUESTS_TASK_QUEUE,
            workflowId,
            args: [{ project, system }],
            signal: systemUnansweredSignal,
            staticSummary: `Outage of ${system} in ${project}`,
          }),
        );
      } catch (error) {
        logFailure('watchSystem', `${project}/${system}`, error);
      }
    },

    async readProgress(requestId) {
      return withDeadline(() => readLiveProgress(client, workflowIdFor(requestId))).catch(() => null);
    },

    async isReachable() {
      const response = withDeadline(() => client.workflowService.getSystemInfo({}));
      return response.then(
        () => true,
        () => false,
      );
    },
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
}

function startOptions(requestId: string, facts: StartFacts): Partial<StartOptions> {
  const due = facts.dueAt.toISOString().slice(0, 10);
  // The size of a segment, or of everyone, is not known yet.
  const subjects = facts.submitted === 0 ? '' : ` · ${countOf(facts.submitted, 'subject')}`;
  return {
    args: [{ requestId }],
    staticSummary: `${WORKFLOWS[facts.kind].word}${subjects} · due ${due}`,
    typedSearchAttributes: attributesOf(facts),
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
function temporalCode(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isGrpcServiceError(cause)) return GRPC[cause.code] ?? `grpc_${cause.code}`;
  return error instanceof Error ? error.name : 'unknown';
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
