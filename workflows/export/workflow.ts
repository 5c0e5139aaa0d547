import { CancellationScope, continueAsNew } from '@temporalio/workflow';
import type { ExportState } from '../../domain/request-state.ts';
import type { RequestKey } from '../../domain/ids.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { describeExportWait } from '../shared/describe-wait.ts';
import { publishProgress } from '../shared/progress.ts';
import { ledger } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { followConfiguration, type Request, resolveSubjects, searchUnresolved } from '../shared/steps.ts';
import { createTaskSet } from '../shared/task-set.ts';
import { handleTemporalCancellation } from '../shared/temporal-cancel.ts';
import { createRequestWakeup } from '../shared/wakeup.ts';
import { collectSystem, conclude, expireArchive, packageArchive } from './steps.ts';

/**
 * Fulfills an export, from acceptance until its archive is removed. As in a deletion the rows decide, and each round starts
 * the steps that are due.
 *
 *  1. Resolve: ask the directory for the subjects. Ask every system about identities that the directory does not know.
 *  2. Collect all data that each system holds on them, in parallel, each at its own point in time. When a deletion claims
 *     some of the subjects, or they are cancelled, a new epoch collects everything again without them (rule 17).
 *  3. Package the collections of one epoch into one archive. A system that fails raises attention: an archive without
 *     its part is never ready.
 *  4. Ready: identities are purged. The archive can be downloaded until it expires, its last subject is deleted, or a member
 *     destroys it.
 *  5. Conclude: destroy the key, remove the objects, end the request.
 */
export async function fulfillExport({ requestId }: RequestKey): Promise<Status> {
  const wakeup = createRequestWakeup();
  const tasks = createTaskSet(wakeup.wake);
  let request: Request = { requestId, ...(await ledger.readRequest({ requestId })) };
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

      request = followConfiguration(request, tasks, state);
      if (state.needsResolution) tasks.start('resolve', () => resolveSubjects(request));
      if (state.unresolved > 0) tasks.start('search', () => searchUnresolved(request));
      for (const name of state.systemsToCollect)
        tasks.start(collectionTask(name, epoch), () => collectSystem(request, name, state));

      // The results of an earlier epoch are not used in this one.
      const collections = state.uncollected.map((name) => collectionTask(name, epoch));
      tasks.cancelExcept('collect', collections);
      tasks.cancelExcept('package', state.canConclude ? [] : [`package epoch ${epoch}`]);
      if (state.canConclude) for (const name of ['resolve', 'search']) tasks.cancelExcept(name, []);

      if (state.canPackage && tasks.isIdle('collect'))
        tasks.start(`package epoch ${epoch}`, () => packageArchive(request));
      if (state.isExpired) tasks.start('expire', () => expireArchive(request));
      // A task that still runs may leave identities in a system, or objects in the storage.
      if (state.canConclude && tasks.isIdle('resolve', 'search', 'collect', 'package'))
        tasks.start('conclude', () => conclude(request));

      const waitingFor = describeExportWait(state, tasks.running());
      publish(progressOf(state), waitingFor);
      if (wakeup.shouldContinueAsNew() && tasks.isIdle()) await continueAsNew<typeof fulfillExport>({ requestId });
      await wakeup.waitUntil(state.nextDueAt, waitingFor, !tasks.isIdle());
    }
  });
}

const collectionTask = (system: string, epoch: number) => `collect epoch ${epoch} from ${system}`;

const progressOf = (state: ExportState) => ({
  ...state,
  held: 0,
  openBatches: state.uncollected.map((system) => ({ system, batch: state.epoch, subjects: state.subjects })),
});
