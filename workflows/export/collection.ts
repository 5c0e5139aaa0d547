import { isCancellation } from '@temporalio/workflow';
import type { CollectionInput } from '../shared/messages.ts';
import { ledger, untilStopped } from '../shared/proxies.ts';

/**
 * Everything that one processor holds on those who are wanted in one epoch. An attempt that failed begins anew: what is in
 * the archive stands as it stood at one instant. Whether it is collected is in the rows, so it may be started again at any time.
 */
export async function processorExport(input: CollectionInput): Promise<void> {
  try {
    await untilStopped(input.project, input.processor).collect({ ...input, asOf: Date.now() });
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.parkStep({ ...input, asOf: Date.now(), step: 'collect' });
  }
}
