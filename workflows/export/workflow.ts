import { CancellationScope, continueAsNew } from '@temporalio/workflow';
import type { ExportState } from '../../domain/request-state.ts';
import type { RequestKey } from '../../domain/ids.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { publishProgress } from '../shared/progress.ts';
import { ledger } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { resolveSubjects, searchUnresolved } from '../shared/steps.ts';
import { createTaskSet, type TaskSet } from '../shared/task-set.ts';
import { handleTemporalCancellation } from '../shared/temporal-cancel.ts';
import { createWakeup } from '../shared/wakeup.ts';
import { collectFrom, conclude, expireArchive, packageArchive } from './steps.ts';

/**
 * An export, from acceptance until nothing of it is left. As in a deletion the rows decide, and each round starts the
 * steps that are due.
 *
 *  1. Resolve: ask the directory for the subjects. Ask every system about identities that the directory does not know.
 *  2. Collect everything that each system holds on them, in parallel, each at one point in time of its own. When a deletion
 *     claims some of the subjects, or they are cancelled, a new epoch collects everything again without them (rule 17).
 *  3. Package the collections of one epoch into one archive. A system that fails raises attention: an archive without
 *     its part is never ready.
 *  4. Ready: identities are removed. The archive can be downloaded until it expires, a subject is deleted, or a member
 *     destroys it.
 *  5. Conclude: destroy the key, remove the objects, end the request.
 */
export async function exportRequest({ requestId }: RequestKey): Promise<Status> {
  const wakeup = createWakeup();
  const tasks = createTaskSet(wakeup.wake);
  const request = { requestId, ...(await ledger.readRequest({ requestId })) };
  const publish = publishProgress(request, 'export');
  handleTemporalCancellation(requestId, wakeup);
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      wakeup.reset();
      const state = await ledger.reconcileExport({ requestId, asOf: Date.now() });
      await signalRequests(state.requestsToSignal);
      if (state.concluded) {
        publish(progressOf(state), null);
        return state.status;
      }
      const { epoch } = state;

      if (state.needsResolution) tasks.start('resolve', () => resolveSubjects(request));
      if (state.unresolved > 0) tasks.start('unresolved', () => searchUnresolved(request));
      for (const name of state.systemsToCollect)
        tasks.start(`collect ${epoch} ${name}`, () => collectFrom(request, name, epoch));

      // The results of an earlier epoch are not used in this one.
      const collections = state.uncollected.map((name) => `collect ${epoch} ${name}`);
      tasks.cancelExcept('collect', collections);
      tasks.cancelExcept('package', state.canConclude ? [] : [`package ${epoch}`]);
      if (state.canConclude) for (const name of ['resolve', 'unresolved']) tasks.cancelExcept(name, []);

      if (state.canPackage && tasks.isIdle('collect')) tasks.start(`package ${epoch}`, () => packageArchive(request));
      if (state.isExpired) tasks.start('expire', () => expireArchive(request));
      // A task that still runs may leave identities in a system, or objects in the storage.
      if (state.canConclude && tasks.isIdle('resolve', 'unresolved', 'collect', 'package'))
        tasks.start('conclude', () => conclude(request));

      const waitsFor = describeWait(state, tasks);
      publish(progressOf(state), waitsFor);
      if (wakeup.shouldContinueAsNew() && tasks.isIdle()) await continueAsNew<typeof exportRequest>({ requestId });
      await wakeup.waitUntil(state.nextDueAt, waitsFor);
    }
  });
}

/** In words for a person. */
function describeWait(state: ExportState, tasks: TaskSet): string {
  if (!tasks.isIdle()) return 'work that is under way';
  if (state.nextDueAt === null) return 'an operator';
  return new Date(state.nextDueAt).toISOString();
}

const progressOf = (state: ExportState) => ({
  ...state,
  held: 0,
  openBatches: state.uncollected.map((system) => ({ system, batch: state.epoch })),
});
