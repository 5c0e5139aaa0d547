import { CancellationScope } from '@temporalio/workflow';
import { ledger } from './proxies.ts';
import type { Wakeup } from './wakeup.ts';

/** Cancelling the workflow in Temporal cancels every subject that is not claimed yet. The request still runs to its end. */
export function handleTemporalCancellation(requestId: string, wakeup: Wakeup): void {
  CancellationScope.current()
    .cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () => {
        await ledger.cancelUnclaimedSubjects({ requestId, asOf: Date.now() });
        wakeup.wake();
      }),
    )
    .catch(wakeup.wake);
}
