import { CancellationScope, continueAsNew } from '@temporalio/workflow';
import type { DeletionState } from '../../domain/request-state.ts';
import type { RequestKey } from '../../domain/ids.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { describeDeletionWait } from '../shared/describe-wait.ts';
import { publishProgress } from '../shared/progress.ts';
import { ledger } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { followConfiguration, type Request, resolveSubjects, searchUnresolved } from '../shared/steps.ts';
import { createTaskSet } from '../shared/task-set.ts';
import { handleTemporalCancellation } from '../shared/temporal-cancel.ts';
import { createRequestWakeup } from '../shared/wakeup.ts';
import {
  claimSubjects,
  conclude,
  countSubjects,
  deleteBatch,
  openSuppressions,
  placeSuppressions,
  purgeSubjects,
  purgeSystem,
  startBackup,
  syncVisibility,
  wakeBatch,
} from './steps.ts';

/**
 * Fulfills a deletion, from acceptance to receipt. The rows decide: each round reads them, starts the steps that are due,
 * and waits until a step ends, something becomes due, or a signal reports changed rows (hold, cancel, expedite).
 * A workflow run that starts after a termination continues from the rows.
 *
 *  1. Resolve: ask the directory for the subjects. Ask every system about identities that the directory does not know.
 *     A request that needs a confirmation is counted and waits for it. It ends when the confirmation expires.
 *  2. Hide the subjects in every system that can hide; restore cancelled ones. A part deletion (rule 16) hides no
 *     subject. A deletion that exports first waits until an archive that contains the subjects is ready (rule 18).
 *  3. From the first run after the grace period on, claim the subjects that are due and not held: the point of no
 *     return.
 *  4. Delete and verify each claimed batch in each system. If asked for, leave a suppression of the deleted subjects in
 *     every system, also of those that another request has deleted (rule 23).
 *     Purge the identities of what is done, even while other subjects wait or are held (rule 14).
 *  5. Conclude when no subject is open: write the receipt, purge the identities.
 */
export async function fulfillDeletion({ requestId }: RequestKey): Promise<Status> {
  const wakeup = createRequestWakeup();
  const tasks = createTaskSet(wakeup.wake);
  let request: Request = { requestId, ...(await ledger.readRequest({ requestId })) };
  const publish = publishProgress(request, 'deletion');
  handleTemporalCancellation(requestId, wakeup);
  let leftForNextRun = 0;
  const retries = new Map<string, number>();
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      wakeup.reset();
      const state = await ledger.reconcileDeletion({ requestId, asOf: Date.now() });
      await signalRequests(state.requestsToSignal);
      if (state.concluded) {
        publish(state, null);
        return state.status;
      }

      request = followConfiguration(request, tasks, state);
      if ((state.missingSystems ?? []).length > 0) tasks.cancelExcept('conclude', []);
      if (state.needsResolution) tasks.start('resolve', () => resolveSubjects(request));
      if (state.unresolved > 0) tasks.start('search', () => searchUnresolved(request));
      for (const name of state.confirmation?.systemsToCount ?? [])
        tasks.start(`count in ${name}`, () => countSubjects(request, name));
      for (const name of state.systemsToSync) tasks.start(`visibility in ${name}`, () => syncVisibility(request, name));
      if (state.needsBackup === true) tasks.start('backup', () => startBackup(request));
      if (state.claimable > 0)
        tasks.start('claim', async () => {
          leftForNextRun = await claimSubjects(request);
        });
      for (const batch of state.openBatches) {
        const { retry = 0 } = batch;
        tasks.start(taskName(batch), () => deleteBatch(request, batch));
        if (retry > (retries.get(taskName(batch)) ?? 0))
          tasks.start(`retry of ${taskName(batch)}`, () => wakeBatch(request, batch));
        retries.set(taskName(batch), retry);
      }

      if (state.needsSuppression === true) tasks.start('suppression', () => openSuppressions(request));
      for (const name of state.systemsToSuppress ?? [])
        tasks.start(`suppression in ${name}`, () => placeSuppressions(request, name));

      if (state.needsPurge === true) tasks.start('purge', () => purgeSubjects(request));
      // A system that still hides subjects could hide a purged one.
      for (const name of state.systemsToPurge ?? [])
        if (tasks.isIdle(`visibility in ${name}`)) tasks.start(`purge in ${name}`, () => purgeSystem(request, name));

      if (state.cancelled) tasks.cancelExcept('resolve', []);
      if (state.canConclude) tasks.cancelExcept('search', []);
      // Once the count is confirmed, skipped or cancelled, its result is not needed any more.
      if (state.confirmation?.until !== null) tasks.cancelExcept('count', []);
      tasks.cancelExcept('batch', state.openBatches.map(taskName));

      // A task that still runs may leave identities in a system.
      if (state.canConclude && tasks.isIdle('count', 'search', 'purge'))
        tasks.start('conclude', () => conclude(request));

      const waitingFor = describeDeletionWait(state, tasks.running(), leftForNextRun);
      publish(state, waitingFor);
      if (wakeup.shouldContinueAsNew() && tasks.isIdle()) await continueAsNew<typeof fulfillDeletion>({ requestId });
      await wakeup.waitUntil(state.nextDueAt, waitingFor, !tasks.isIdle());
    }
  });
}

const taskName = ({ system, batch }: DeletionState['openBatches'][number]) => `batch ${batch} in ${system}`;
