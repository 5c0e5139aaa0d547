import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, sleep } from '@temporalio/workflow';
import { childWorkflowIdFor } from '../../domain/ids.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import { ledger, system, systemShortTimeout, systemWaitForCancel } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { activityInput, cleanUpSystems, type Request, withAttention } from '../shared/steps.ts';
import type { systemDeletion } from './batch.ts';

/** Counts what a system holds on the proposed subjects. A system that is not configured any more needs an operator. */
export async function countSubjects(request: Request, name: string): Promise<void> {
  const names = await ledger.checkPinnedSystems(activityInput(request));
  if (!names.includes(name)) return;
  await withAttention(request, name, 'resolve', () =>
    systemWaitForCancel(request.project, name).countSubjects(activityInput(request, name)),
  );
}

/** Starts the export that the claim waits for. It is a request of its own, which signals this one. */
export const startBackup = (request: Request) => ledger.startBackup(activityInput(request));

/** Applies the newest visibility. */
export const syncVisibility = (request: Request, name: string) =>
  withAttention(request, name, 'visibility', () =>
    system(request.project, name).applyVisibility(activityInput(request, name)),
  );

/**
 * Checks every system's coverage and resolves the subjects once more immediately before the point of no return.
 * Obstacles that these two find are written to the rows, and the claim refuses because of them.
 */
export async function claimSubjects(request: Request): Promise<void> {
  const { project, directory } = request;
  const names = await ledger.checkPinnedSystems(activityInput(request));
  await Promise.all(names.map((name) => inspectSystem(request, name)));
  await withAttention(request, directory, 'resolve', async () => {
    const resolved = await systemShortTimeout(project, directory).resolveSubjects(activityInput(request, directory));
    await signalRequests(resolved.requestsToSignal);
    await ledger.claim(activityInput(request));
  });
}

/** The activity writes its findings to the rows. A system that cannot be reached is inspected again before it deletes. */
async function inspectSystem(request: Request, name: string): Promise<void> {
  try {
    await systemShortTimeout(request.project, name).inspectSystem(activityInput(request, name));
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** Runs one claimed batch in one system to its verified end. Waits if a child of a terminated run still works on it. */
export async function deleteBatch(request: Request, batch: DeletionState['openBatches'][number]): Promise<void> {
  const { requestId, project } = request;
  const key = { requestId, project, ...batch };
  try {
    await executeChild<typeof systemDeletion>('systemDeletion', {
      workflowId: childWorkflowIdFor(requestId, batch.system, batch.batch),
      args: [key],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      staticSummary: `batch ${batch.batch} in ${batch.system}`,
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) await ledger.deferBatch({ ...key, asOf: Date.now() });
    await sleep('10 seconds');
  }
}

/** Systems remove what they keep for the request first; identities leave Lethe's own tables last (rule 14). */
export async function conclude(request: Request): Promise<void> {
  if (await cleanUpSystems(request)) await ledger.conclude(activityInput(request));
}
