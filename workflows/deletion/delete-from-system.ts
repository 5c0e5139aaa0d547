import { isCancellation, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { BatchEnd, NextStep } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import { utcText } from '../../domain/wording/format.ts';
import { ledger, system } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';

/**
 * Deletes one claimed batch from one system: delete, verify, delete survivors, and verify again after the settle period.
 * The rows decide which step is next, so a new run continues where an earlier one stopped.
 */
export async function deleteFromSystem(key: BatchKey): Promise<BatchEnd> {
  const { deleteBatch, verifyBatch } = system(key.project, key.system);
  try {
    let next = await ledger.readNextBatchStep({ ...key, asOf: Date.now() });
    while (next.step !== 'ended') {
      const { step, at } = next;
      if (at > Date.now()) await waitFor({ step, at });
      setCurrentDetails(step === 'delete' ? 'Deletes the rows of the batch' : 'Verifies that the rows are deleted');
      const input = { ...key, asOf: Date.now() };
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

async function waitFor({ step, at }: Exclude<NextStep, { step: 'ended' }>): Promise<void> {
  const summary =
    step === 'verify'
      ? `Settle period until ${utcText(at)}, then the last verification`
      : `Deletion that the system continues at ${utcText(at)}`;
  setCurrentDetails(summary);
  await sleep(at - Date.now(), { summary });
}
