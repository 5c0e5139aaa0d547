import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Database } from '../../db/client.ts';
import { openChanges, recordDispatched } from '../../db/operations/outbox.ts';
import { type StartFacts, startFactsOf } from '../../db/requests/start.ts';
import { workflowIdFor } from '../../domain/ids.ts';
import { temporalCalls, temporalCode } from './calls.ts';
import { type LiveProgress, readLiveProgress } from './live-progress.ts';

/**
 * The calls to Temporal after a change of rows. None of them fails a request of a caller: the rows are the source of truth,
 * and the dispatcher repeats what failed within seconds.
 */
export interface Orchestrator {
  /** `facts` avoids a read if the caller has just stored the request. */
  start(requestId: string, facts?: StartFacts): Promise<void>;
  startSuppression(suppressionId: string): Promise<void>;
  signalRequests(requestIds: readonly string[]): Promise<void>;
  /** Signals a request that hides its subjects from now on. Its tasks go before those of requests that only count. */
  signalConfirmed(requestId: string, project: string): Promise<void>;
  /** Starts or signals the workflow that delivers the notifications of a project's channel. */
  startNotifications(project: string, channel: string): Promise<void>;
  /** Starts or signals the workflow that probes a system until it answers. */
  watchSystem(project: string, system: string): Promise<void>;
  /** The state that only Temporal has. Null if Temporal is unavailable. */
  readProgress(requestId: string): Promise<LiveProgress | null>;
  isReachable(): Promise<boolean>;
}

export interface OrchestratorDeps {
  readonly database: Database;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** How long a caller waits for the calls to Temporal, which continue afterwards. Without it: until they end. */
  readonly patienceMs?: number;
}

/** The dispatcher repeats a call that takes longer. */
const DEADLINE_MS = 1_500;
const CONCURRENT_SIGNALS = 20;
/** With more calls in progress, Temporal is slow, and requests that hide no subject are left to the dispatcher. */
const MAX_IN_PROGRESS = 20;

export function temporalOrchestrator(client: Client, deps: OrchestratorDeps): Orchestrator {
  const { database, log, patienceMs } = deps;
  const calls = temporalCalls(client);
  const withDeadline = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + DEADLINE_MS, work);
  let inProgress = 0;

  /** Waits for the work as long as is useful for a caller. A failure is only logged. */
  const attempt = async (action: string, id: string, work: () => Promise<void>): Promise<void> => {
    inProgress += 1;
    const ended = work()
      .catch((error: unknown) =>
        log.warn({ action, id, code: temporalCode(error) }, 'Temporal call failed; the dispatcher repeats it'),
      )
      .finally(() => (inProgress -= 1));
    if (patienceMs === undefined) return ended;
    const responded = new AbortController();
    const patience = sleep(patienceMs, undefined, { signal: responded.signal, ref: false }).catch(() => undefined);
    await Promise.race([ended, patience]);
    responded.abort();
  };

  const signalAll = async (requestIds: readonly string[]): Promise<void> => {
    const changes = new Map((await openChanges(database, requestIds)).map((change) => [change.id, change]));
    const until = Date.now() + DEADLINE_MS;
    for (let from = 0; from < requestIds.length; from += CONCURRENT_SIGNALS) {
      const page = requestIds.slice(from, from + CONCURRENT_SIGNALS);
      const results = await Promise.allSettled(
        page.map((id) => client.withDeadline(until, () => calls.signalRequest(id))),
      );
      const signaled = page.filter((_, index) => results[index]?.status === 'fulfilled');
      await recordDispatched(
        database,
        signaled.flatMap((id) => changes.get(id) ?? []),
      );
      for (const result of results)
        if (result.status === 'rejected' && !(result.reason instanceof WorkflowNotFoundError)) throw result.reason;
    }
  };

  return {
    async start(requestId, given) {
      if (patienceMs !== undefined && inProgress >= MAX_IN_PROGRESS && given?.hidesSubjects !== true) return;
      await attempt('start', requestId, async () => {
        const facts = given === undefined ? await startFactsOf(database, requestId) : { ...given, wakeVersion: 0 };
        if (facts === null) return;
        await withDeadline(() => calls.startRequest(requestId, facts));
        await recordDispatched(database, [{ id: requestId, wakeVersion: facts.wakeVersion }]);
      });
    },

    startSuppression: (suppressionId) =>
      attempt('startSuppression', suppressionId, () => withDeadline(() => calls.startSuppression(suppressionId))),

    async signalRequests(requestIds) {
      if (requestIds.length > 0) await attempt('signalRequests', requestIds[0] ?? '', () => signalAll(requestIds));
    },

    signalConfirmed: (requestId, project) =>
      attempt('signalRequests', requestId, async () => {
        // Without the priority the request is only slower, for example on a server that does not know it.
        await withDeadline(() => calls.prioritizeRequest(requestId, project)).catch(() => undefined);
        await signalAll([requestId]);
      }),

    startNotifications: (project, channel) =>
      attempt('startNotifications', channel, () => withDeadline(() => calls.startNotifications(project, channel))),

    watchSystem: (project, system) =>
      attempt('watchSystem', `${project}/${system}`, () => withDeadline(() => calls.watchSystem(project, system))),

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
