import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { workflowIdFor } from '../../domain/ids.ts';
import { wakeSignal } from './messages.ts';

/** Makes other requests read their rows again. Housekeeping finds a request that does not run. */
export async function signalRequests(requestIds: readonly string[]): Promise<void> {
  for (const id of requestIds) {
    try {
      await getExternalWorkflowHandle(workflowIdFor(id)).signal(wakeSignal);
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
  }
}
