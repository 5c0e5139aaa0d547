import { condition, isCancellation, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { BatchEnd, NextStep } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import { utcText } from '../../domain/wording/format.ts';
import { requestChangedSignal } from '../shared/messages.ts';
import { ledger, system } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';

/**
 * Deletes one claimed batch from one system: delete, verify, delete survivors, and verify again after the settle period.
 * The rows decide which step is next, so a new run continues where an earlier one stopped.
 */
export async function deleteFromSystem(key: BatchKey): Promise<BatchEnd> {
  const { deleteBatch, verifyBatch } = system(key.project, key.system);
  let isChanged = false;
  setHandler(
    requestChangedSignal,
    () => {
      isChanged = true;
    },
    { description: 'The rows of the batch have changed: read them again instead of waiting.' },
  );
  try {
    let next = await ledger.readNextBatchStep({ ...key, asOf: Date.now() });
    while (next.step !== 'ended') {
      const { step, at } = next;
      if (at > Date.now() && (await waitUnless(() => isChanged, { step, at }))) {
        isChanged = false;
        next = await ledger.readNextBatchStep({ ...key, asOf: Date.now() });
        continue;
      }
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

/** Waits until the step is due. Returns true if the rows change before. */
async function waitUnless(
  isChanged: () => boolean,
  { step, at }: Exclude<NextStep, { step: 'ended' }>,
): Promise<boolean> {
  const summary =
    step === 'verify'
      ? `Settle period until ${utcText(at)}, then the last verification`
      : `Deletion that the system continues at ${utcText(at)}`;
  setCurrentDetails(summary);
  return condition(isChanged, at - Date.now(), { summary });
}
