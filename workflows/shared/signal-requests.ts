import { getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { workflowIdFor } from '../../domain/ids.ts';
import { wakeSignal } from './messages.ts';

/** Requests whose subjects were decided elsewhere look again. One that does not run is found by housekeeping. */
export async function wakeOthers(requestIds: readonly string[]): Promise<void> {
  for (const id of requestIds) {
    try {
      await getExternalWorkflowHandle(workflowIdFor(id)).signal(wakeSignal);
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
  }
}
