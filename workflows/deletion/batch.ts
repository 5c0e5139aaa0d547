import { isCancellation, sleep } from '@temporalio/workflow';
import type { BatchEnd } from '../../domain/batch.ts';
import type { BatchInput } from '../shared/messages.ts';
import { ledger, processor } from '../shared/proxies.ts';
import { wakeOthers } from '../shared/signal-requests.ts';

/**
 * One claimed batch in one processor: delete, look again, delete what survived, and look once more when late events
 * have settled. Where it stands is in the rows, so it may be started again at any time.
 */
export async function processorDeletion(input: BatchInput): Promise<BatchEnd> {
  const { deleteBatch, verifyBatch } = processor(input.project, input.processor);
  try {
    let next = await ledger.resumeBatch({ ...input, asOf: Date.now() });
    while (next.step !== 'ended') {
      if (next.at > Date.now()) await sleep(next.at - Date.now(), { summary: `until the next ${next.step}` });
      const at = { ...input, asOf: Date.now() };
      const { step } = next;
      next = step === 'delete' ? await deleteBatch(at) : await verifyBatch(at);
      if (next.step !== step && next.step !== 'ended') await wakeOthers([input.requestId]);
    }
    return next.end;
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.parkBatch({ ...input, asOf: Date.now() });
    return 'attention';
  }
}
