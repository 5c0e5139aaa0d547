import { CancellationScope, continueAsNew } from '@temporalio/workflow';
import type { ExportView } from '../../domain/request-state.ts';
import type { Status } from '../../domain/vocabulary.ts';
import { cancelFromTemporal } from '../shared/temporal-cancel.ts';
import { lookForUnknown, type Request, resolve } from '../deletion/steps.ts';
import { collectFrom, conclude, destroyKey, packageAll } from './steps.ts';
import type { ExportInput } from '../shared/messages.ts';
import { showProgress } from '../shared/progress.ts';
import { ledger } from '../shared/proxies.ts';
import { type Tasks, tasks } from '../shared/task-set.ts';
import { wakeOthers } from '../shared/signal-requests.ts';
import { watch } from '../shared/wakeup.ts';

/**
 * An export, from acceptance until nothing of it is left. As in a deletion the rows decide, and this waits.
 *
 *  1. Who is meant is asked of the directory; whom it does not know, of every processor.
 *  2. Each processor hands out all that it holds on them, side by side, each as it stands at one instant.
 *     Where a deletion claims some of them, or they are taken back, everything is collected again without them (rule 17).
 *  3. What all have handed out becomes one archive. Of a processor that fails an operator hears: never is one ready with a
 *     part missing.
 *  4. Ready: the identities go. It can be had until its time is over, until one of them is deleted, or until a member says so.
 *  5. Then its key is destroyed, the objects are removed, and the request ends.
 */
export async function exportRequest({ requestId }: ExportInput): Promise<Status> {
  const waiting = watch();
  const beside = tasks(waiting.wake);
  const facts = await ledger.readRequest({ requestId });
  const show = showProgress(facts, 'export');
  cancelFromTemporal(requestId, waiting);
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      waiting.reset();
      const view = await ledger.lookAtExport({ requestId, asOf: Date.now() });
      await wakeOthers(view.wake);
      if (view.ended) {
        show(shown(view), null);
        return view.status;
      }
      startWhatIsAsked({ requestId, ...facts }, view, beside);
      const waitsFor = whatItWaitsFor(view, beside);
      show(shown(view), waitsFor);
      if (waiting.tired() && beside.idle()) await continueAsNew<typeof exportRequest>({ requestId });
      await waiting.until(view.nextAt, waitsFor);
    }
  });
}

function startWhatIsAsked(request: Request, view: ExportView, beside: Tasks): void {
  if (!view.resolved && !view.cancelled) beside.start('resolve', () => resolve(request));
  if (view.unknown > 0) beside.start('unknown', () => lookForUnknown(request));
  for (const name of view.collect)
    beside.start(`collect ${view.epoch} ${name}`, () => collectFrom(request, name, view.epoch));
  // What an earlier epoch has begun is of no use to this one.
  beside.keepOnly(
    'collect ',
    view.pending.map((name) => `collect ${view.epoch} ${name}`),
  );
  beside.keepOnly('package ', view.concludable ? [] : [`package ${view.epoch}`]);
  if (view.packageable && beside.idle('collect ')) beside.start(`package ${view.epoch}`, () => packageAll(request));
  if (view.expired) beside.start('expire', () => destroyKey(request));
  if (view.concludable) for (const prefix of ['resolve', 'unknown']) beside.keepOnly(prefix, []);
  // What is still under way may yet leave something behind.
  const stopped = ['resolve', 'unknown', 'collect ', 'package '].every((prefix) => beside.idle(prefix));
  if (view.concludable && stopped) beside.start('conclude', () => conclude(request));
}

function whatItWaitsFor(view: ExportView, beside: Tasks): string {
  if (!beside.idle()) return 'work that is under way';
  if (view.nextAt === null) return 'an operator';
  return `${new Date(view.nextAt).toISOString()}`;
}

const shown = (view: ExportView) => ({
  ...view,
  held: 0,
  work: view.pending.map((processor) => ({ processor, batch: view.epoch })),
});
