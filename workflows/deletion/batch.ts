import { isCancellation, sleep } from '@temporalio/workflow';
import type { BatchEnd } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import { ledger, system } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';

/**
 * One claimed batch in one system: delete, verify, delete what survived, and verify once more when late events have
 * settled. The rows say which step is next, so a new run continues where an earlier one stopped.
 */
export async function systemDeletion(key: BatchKey): Promise<BatchEnd> {
  const { deleteBatch, verifyBatch } = system(key.project, key.system);
  try {
    let next = await ledger.resumeBatch({ ...key, asOf: Date.now() });
    while (next.step !== 'ended') {
      if (next.at > Date.now()) await sleep(next.at - Date.now(), { summary: `until the next ${next.step}` });
      const input = { ...key, asOf: Date.now() };
      const { step } = next;
      next = step === 'delete' ? await deleteBatch(input) : await verifyBatch(input);
      if (next.step !== step && next.step !== 'ended') await signalRequests([key.requestId]);
    }
    return next.end;
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.deferBatch({ ...key, asOf: Date.now() });
    return 'attention';
  }
}
