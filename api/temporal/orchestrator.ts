import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { StartFacts } from '../../db/requests/start.ts';
import { notificationWorkflowIdFor, workflowIdFor } from '../../domain/ids.ts';
import { REQUESTS_TASK_QUEUE, searchAttributes, wakeSignal } from '../../workflows/shared/messages.ts';
import { type LiveProgress, liveProgress } from './live-progress.ts';

/**
 * What the API asks of Temporal. Nothing here can fail a caller: the rows are the truth, and housekeeping starts or
 * wakes later what could not be reached now.
 */
export interface Orchestrator {
  /** `facts` saves reading them again where they were just written. */
  start(requestId: string, facts?: StartFacts): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  wake(requestIds: readonly string[]): Promise<void>;
  /** Starts or wakes the workflow that delivers the notifications of a project's channel. */
  startNotifications(project: string, channel: string): Promise<void>;
  /** What only Temporal knows; `null` when it is away. */
  progress(requestId: string): Promise<LiveProgress | null>;
  reachable(): Promise<boolean>;
}

export interface OrchestratorDeps {
  readonly factsOf: (requestId: string) => Promise<StartFacts | null>;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** A caller waits for its answer meanwhile. */
const DEADLINE_MS = 1_500;
const WAKES_AT_ONCE = 20;

export function temporalOrchestrator(client: Client, deps: OrchestratorDeps): Orchestrator {
  const within = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + DEADLINE_MS, work);
  const later = (action: string, id: string, error: unknown): void =>
    deps.log.warn({ action, id, code: temporalCode(error) }, 'not told to Temporal now; housekeeping will');

  /** One workflow per id: running or completed is success, terminated or failed starts a run that reads the rows. */
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
    async start(requestId, known) {
      try {
        const facts = known ?? (await deps.factsOf(requestId));
        if (facts === null) return;
        await within(() =>
          startOnce(WORKFLOWS[facts.kind].type, workflowIdFor(requestId), startOptions(requestId, facts)),
        );
      } catch (error) {
        later('start', requestId, error);
      }
    },

    async startSuppression(suppressionId) {
      try {
        // Lifting a suppression notifies the systems again, so a completed run does not prevent a start.
        const options = { args: [{ suppressionId }], workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const };
        await within(() => startOnce('propagateSuppression', suppressionWorkflowId(suppressionId), options));
      } catch (error) {
        later('startSuppression', suppressionId, error);
      }
    },

    async wake(requestIds) {
      const until = Date.now() + DEADLINE_MS;
      for (let from = 0; from < requestIds.length; from += WAKES_AT_ONCE) {
        const page = requestIds.slice(from, from + WAKES_AT_ONCE);
        const signal = (id: string) => client.workflow.getHandle(workflowIdFor(id)).signal(wakeSignal);
        const told = await Promise.allSettled(page.map((id) => client.withDeadline(until, () => signal(id))));
        const failed = told.find((one) => one.status === 'rejected' && !(one.reason instanceof WorkflowNotFoundError));
        if (failed?.status === 'rejected') return later('wake', page[0] ?? '', failed.reason);
      }
    },

    async startNotifications(project, channel) {
      try {
        const options = { taskQueue: REQUESTS_TASK_QUEUE, workflowId: notificationWorkflowIdFor(project, channel) };
        await within(() =>
          client.workflow.signalWithStart('deliverNotifications', {
            ...options,
            args: [{ project, channel }],
            signal: wakeSignal,
          }),
        );
      } catch (error) {
        later('startNotifications', channel, error);
      }
    },

    async progress(requestId) {
      return within(() => liveProgress(client, workflowIdFor(requestId))).catch(() => null);
    },

    async reachable() {
      const asked = within(() => client.workflowService.getSystemInfo({}));
      return asked.then(
        () => true,
        () => false,
      );
    },
  };
}

/** `sup_…` ids carry no identity, like all of ours. */
export const suppressionWorkflowId = (suppressionId: string): string => `sup-${suppressionId}`;

/** By its kind, which workflow a request runs as, and how an operator sees it. */
const WORKFLOWS = {
  deletion: { type: 'deletionRequest', word: 'Deletion' },
  export: { type: 'exportRequest', word: 'Export' },
} as const;

interface StartOptions {
  readonly args: unknown[];
  readonly staticSummary: string;
  readonly workflowIdReusePolicy: 'ALLOW_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY';
  readonly typedSearchAttributes: ReturnType<typeof attributesOf>;
}

function startOptions(requestId: string, facts: StartFacts): Partial<StartOptions> {
  const due = facts.dueAt.toISOString().slice(0, 10);
  const count = `${facts.submitted.toLocaleString('en-US')} ${facts.submitted === 1 ? 'subject' : 'subjects'}`;
  // The number of a segment, or of everyone, is not known yet.
  const subjects = facts.submitted === 0 ? '' : ` · ${count}`;
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

/** What went wrong as a closed word: the text of a failure is never logged, for it may quote what it was about. */
function temporalCode(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isGrpcServiceError(cause)) return GRPC[cause.code] ?? `grpc_${cause.code}`;
  return error instanceof Error ? error.name : 'unknown';
}

/** Those that say something about the server or about us; any other keeps its number. */
const GRPC: Readonly<Record<number, string>> = {
  3: 'invalid_argument',
  4: 'deadline_exceeded',
  5: 'not_found',
  7: 'permission_denied',
  8: 'resource_exhausted',
  14: 'unavailable',
  16: 'unauthenticated',
};
