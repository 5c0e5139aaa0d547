import { CancellationScope, continueAsNew } from '@temporalio/workflow';
import type { View } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import {
  claimWhatIsDue,
  conclude,
  countSubjects,
  deleteInProcessor,
  exportFirst,
  followVisibility,
  lookForUnknown,
  resolve,
} from './steps.ts';
import { cancelFromTemporal } from '../shared/temporal-cancel.ts';
import type { DeletionInput } from '../shared/messages.ts';
import { showProgress } from '../shared/progress.ts';
import { ledger } from '../shared/proxies.ts';
import { type Tasks, tasks } from '../shared/task-set.ts';
import { wakeOthers } from '../shared/signal-requests.ts';
import { watch } from '../shared/wakeup.ts';

/**
 * A deletion, from acceptance to receipt. The rows decide, this waits: it looks at them, starts what they ask for, and
 * sleeps until the next run, until some work is finished, or until somebody changed them (hold, cancel, expedite).
 * Terminated and started again, it goes on from the rows.
 *
 *  1. Who is meant is asked of the directory; whom it does not know, of every processor.
 *     Where somebody has to confirm it, all is counted and nobody is touched before that; not confirmed in time, it ends.
 *  2. They are hidden at once, everywhere that can hide; taken back, they are shown again. Where only columns are to be
 *     emptied (rule 16) nobody is hidden, and step 4 empties them.
 *     Where they are to be exported first, nobody is claimed who is not in an archive that is ready (rule 18).
 *  3. At the run after the grace period what is due and not held is claimed: the point of no return.
 *  4. Each processor deletes its batch, looks again, settles, and looks once more.
 *  5. When nothing is open any more: the receipt, and the identities go.
 */
export async function deletionRequest({ requestId }: DeletionInput): Promise<Status> {
  const waiting = watch();
  const beside = tasks(waiting.wake);
  const facts = await ledger.readRequest({ requestId });
  const show = showProgress(facts, 'deletion');
  cancelFromTemporal(requestId, waiting);
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      waiting.reset();
      const view = await ledger.look({ requestId, asOf: Date.now() });
      await wakeOthers(view.wake);
      if (view.ended) {
        show(view, null);
        return view.status;
      }
      startWhatIsAsked({ requestId, ...facts }, view, beside);
      const waitsFor = whatItWaitsFor(view, beside);
      show(view, waitsFor);
      if (waiting.tired() && beside.idle()) await continueAsNew<typeof deletionRequest>({ requestId });
      await waiting.until(view.nextAt, waitsFor);
    }
  });
}

function startWhatIsAsked(request: Parameters<typeof resolve>[0], view: View, beside: Tasks): void {
  if (!view.resolved && !view.cancelled) beside.start('resolve', () => resolve(request));
  if (view.cancelled) beside.keepOnly('resolve', []);
  if (view.unknown > 0) beside.start('unknown', () => lookForUnknown(request));
  for (const name of view.confirmation?.uncounted ?? [])
    beside.start(`count ${name}`, () => countSubjects(request, name));
  // Counted, skipped or called off: nobody asks for what is still being counted.
  if (view.confirmation?.until !== null) beside.keepOnly('count ', []);
  if (view.concludable) beside.keepOnly('unknown', []);
  if (view.backup === true) beside.start('backup', () => exportFirst(request));
  for (const name of view.behind) beside.start(`visibility ${name}`, () => followVisibility(request, name));
  if (view.due > 0) beside.start('claim', () => claimWhatIsDue(request));
  const batches = view.work.map(({ processor, batch }) => ({ name: `batch ${batch} ${processor}`, processor, batch }));
  beside.keepOnly(
    'batch ',
    batches.map(({ name }) => name),
  );
  for (const { name, processor, batch } of batches)
    beside.start(name, () => deleteInProcessor(request, processor, batch));
  // What is still under way may yet leave identities in a processor.
  if (view.concludable && beside.idle('count ') && beside.idle('unknown'))
    beside.start('conclude', () => conclude(request));
}

function whatItWaitsFor(view: View, beside: Tasks): string {
  if (!beside.idle()) return 'work that is under way';
  const until = view.confirmation?.until ?? null;
  if (until !== null) return `a confirmation until ${new Date(until).toISOString()}`;
  if (view.nextAt !== null) return `${new Date(view.nextAt).toISOString()}`;
  if (view.held > 0) return 'the release of a legal hold';
  return (view.unsaved ?? 0) > 0 ? 'an archive that is ready' : 'an operator';
}
