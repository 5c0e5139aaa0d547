import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import { LETHE } from '../../domain/vocabulary.ts';
import { at, parked, type Request, tidyUp } from '../deletion/steps.ts';
import type { processorExport } from './collection.ts';
import { archives, ledger } from '../shared/proxies.ts';
import { wakeOthers } from '../shared/signal-requests.ts';

/** One processor in one epoch. One that is not configured any more is for an operator, by `checkFrozen`. */
export async function collectFrom(request: Request, name: string, epoch: number): Promise<void> {
  const { requestId, project } = request;
  const names = await ledger.checkFrozen(at(request));
  if (!names.includes(name)) return;
  try {
    await executeChild<typeof processorExport>('processorExport', {
      workflowId: childWorkflowIdFor(requestId, name, epoch),
      args: [{ requestId, project, processor: name, epoch }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `collecting from ${name}`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError))
      await ledger.parkStep({ ...at(request, name), step: 'collect' });
    await sleep('10 seconds');
  }
}

/** What processors kept of identities goes first; they leave Lethe's own tables with the archive that is ready. */
export async function packageAll(request: Request): Promise<void> {
  if (await tidyUp(request)) await parked(request, LETHE, 'package', () => archives.packageArchive(at(request)));
}

/** Its time is over. */
export const destroyKey = (request: Request) => ledger.expireArchive(at(request));

/** The key is destroyed by now: the objects follow, and what processors kept where there was never an archive. */
export async function conclude(request: Request): Promise<void> {
  const removed = await parked(request, LETHE, 'conclude', () => archives.removeObjects(at(request)));
  if (removed === 'done' && (await tidyUp(request))) await wakeOthers(await ledger.concludeExport(at(request)));
}
