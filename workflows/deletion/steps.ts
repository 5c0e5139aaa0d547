import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import { ledger, processor, processorShortTimeout, processorWaitForCancel } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { activityInput, cleanUpProcessors, type Request, withAttention } from '../shared/steps.ts';
import type { processorDeletion } from './batch.ts';

/** Counts what a processor holds on the proposed subjects. A processor that is not configured any more needs an operator. */
export async function countSubjects(request: Request, name: string): Promise<void> {
  const names = await ledger.checkPinnedProcessors(activityInput(request));
  if (!names.includes(name)) return;
  await withAttention(request, name, 'resolve', () =>
    processorWaitForCancel(request.project, name).countSubjects(activityInput(request, name)),
  );
}

/** Starts the export that the claim waits for. It is a request of its own, which signals this one. */
export const startBackup = (request: Request) => ledger.startBackup(activityInput(request));

/** Applies the newest visibility. */
export const syncVisibility = (request: Request, name: string) =>
  withAttention(request, name, 'visibility', () =>
    processor(request.project, name).applyVisibility(activityInput(request, name)),
  );

/**
 * Checks every processor's coverage and resolves the subjects once more immediately before the point of no return.
 * Obstacles that these two find are written to the rows, and the claim refuses because of them.
 */
export async function claimSubjects(request: Request): Promise<void> {
  const { project, directory } = request;
  const names = await ledger.checkPinnedProcessors(activityInput(request));
  await Promise.all(names.map((name) => inspectProcessor(request, name)));
  await withAttention(request, directory, 'resolve', async () => {
    const resolved = await processorShortTimeout(project, directory).resolveSubjects(activityInput(request, directory));
    await signalRequests(resolved.requestsToSignal);
    await ledger.claim(activityInput(request));
  });
}

/** The activity writes its findings to the rows. A processor that cannot be reached is inspected again before it deletes. */
async function inspectProcessor(request: Request, name: string): Promise<void> {
  try {
    await processorShortTimeout(request.project, name).inspectProcessor(activityInput(request, name));
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** Runs one claimed batch in one processor to its verified end. Waits if a child of a terminated run still works on it. */
export async function deleteBatch(request: Request, batch: DeletionState['openBatches'][number]): Promise<void> {
  const { requestId, project } = request;
  const key = { requestId, project, ...batch };
  try {
    await executeChild<typeof processorDeletion>('processorDeletion', {
      workflowId: childWorkflowIdFor(requestId, batch.processor, batch.batch),
      args: [key],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `batch ${batch.batch} in ${batch.processor}`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) await ledger.deferBatch({ ...key, asOf: Date.now() });
    await sleep('10 seconds');
  }
}

/** Processors remove what they keep for the request first; identities leave Lethe's own tables last (rule 14). */
export async function conclude(request: Request): Promise<void> {
  if (await cleanUpProcessors(request)) await ledger.conclude(activityInput(request));
}
