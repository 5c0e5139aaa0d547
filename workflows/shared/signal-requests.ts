import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { workflowIdFor } from '../../domain/ids.ts';
import { requestChangedSignal } from './messages.ts';

/** Makes other requests read their rows again. Housekeeping starts a request whose workflow does not run. */
export async function signalRequests(requestIds: readonly string[]): Promise<void> {
  for (const id of requestIds) await signalWorkflow(workflowIdFor(id));
}

/** Does nothing if the workflow does not run. */
export async function signalWorkflow(workflowId: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(requestChangedSignal);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}
