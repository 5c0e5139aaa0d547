import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import { LETHE } from '../../domain/vocabulary.ts';
import { archives, ledger } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { activityInput, cleanUpSystems, type Request, withAttention } from '../shared/steps.ts';
import type { systemExport } from './collection.ts';

/** Collects one system in one epoch. A system that is not configured any more needs an operator. */
export async function collectFrom(request: Request, name: string, epoch: number): Promise<void> {
  const { requestId, project } = request;
  const names = await ledger.checkPinnedSystems(activityInput(request));
  if (!names.includes(name)) return;
  try {
    await executeChild<typeof systemExport>('systemExport', {
      workflowId: childWorkflowIdFor(requestId, name, epoch),
      args: [{ requestId, project, system: name, epoch }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `collecting from ${name}`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError))
      await ledger.deferStep({ ...activityInput(request, name), step: 'collect' });
    await sleep('10 seconds');
  }
}

/** Systems remove the identities they keep first; Lethe's own tables lose them when the archive is ready. */
export async function packageArchive(request: Request): Promise<void> {
  if (await cleanUpSystems(request))
    await withAttention(request, LETHE, 'package', () => archives.packageArchive(activityInput(request)));
}

/** Destroys the key of an archive that is past its time. */
export const expireArchive = (request: Request) => ledger.expireArchive(activityInput(request));

/** The key is destroyed by now: removes the objects, and what systems keep if there never was an archive. */
export async function conclude(request: Request): Promise<void> {
  const removed = await withAttention(request, LETHE, 'conclude', () => archives.removeObjects(activityInput(request)));
  if (removed === 'done' && (await cleanUpSystems(request)))
    await signalRequests(await ledger.concludeExport(activityInput(request)));
}
