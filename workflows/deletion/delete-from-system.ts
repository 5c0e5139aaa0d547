import { ContinueAsNew, continueAsNew, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import type { BatchEnd, NextStep } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import { utcText } from '../../domain/wording/format.ts';
import { requestChangedSignal } from '../shared/messages.ts';
import { ledger, system } from '../shared/proxies.ts';
import { signalRequests } from '../shared/signal-requests.ts';
import { createWakeup } from '../shared/wakeup.ts';

/**
 * Deletes one claimed batch from one system: delete, verify, delete survivors, and verify again after the settle period.
 * The rows decide which step is next, so a new run continues where an earlier one stopped. A system can ask for waits of
 * months, so a run continues as new.
 */
export async function deleteFromSystem(key: BatchKey): Promise<BatchEnd> {
  const { deleteBatch, verifyBatch } = system(key.project, key.system);
  const wakeup = createWakeup(
    requestChangedSignal,
    'The rows of the batch have changed: read them again instead of waiting.',
  );
  try {
    let next = await ledger.readNextBatchStep({ ...key, asOf: Date.now() });
    while (next.step !== 'ended') {
      if (wakeup.shouldContinueAsNew()) await continueAsNew<typeof deleteFromSystem>(key);
      const { step, at } = next;
      if (at > Date.now()) {
        const summary = describeWait(next);
        setCurrentDetails(summary);
        await wakeup.waitUntil(at, summary);
        if (wakeup.shouldContinueAsNew()) continue;
        if (wakeup.wasSignaled()) {
          wakeup.reset();
          next = await ledger.readNextBatchStep({ ...key, asOf: Date.now() });
          continue;
        }
      }
      setCurrentDetails(step === 'delete' ? 'Deletes the rows of the batch' : 'Verifies that the rows are deleted');
      const input = { ...key, asOf: Date.now() };
      next = step === 'delete' ? await deleteBatch(input) : await verifyBatch(input);
      if (next.step !== step && next.step !== 'ended') await signalRequests([key.requestId]);
    }
    return next.end;
  } catch (error) {
    if (isCancellation(error) || error instanceof ContinueAsNew) throw error;
    await ledger.deferBatch({ ...key, asOf: Date.now() });
    return 'attention';
  }
}

const describeWait = ({ step, at }: Exclude<NextStep, { step: 'ended' }>): string =>
  step === 'verify'
    ? `Verification at ${utcText(at)}, after the settle period or when the system has acted`
    : `Deletion that the system continues at ${utcText(at)}`;
