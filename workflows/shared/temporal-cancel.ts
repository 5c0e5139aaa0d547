import { CancellationScope } from '@temporalio/workflow';
import { ledger } from './proxies.ts';
import type { Wakeup } from './wakeup.ts';

/** The cancel button of Temporal's UI: cancels every subject that is not claimed yet; the request still runs to its end. */
export function handleTemporalCancellation(requestId: string, wakeup: Wakeup): void {
  CancellationScope.current()
    .cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () => {
        await ledger.cancelByOperator({ requestId, asOf: Date.now() });
        wakeup.wake();
      }),
    )
    .catch(wakeup.wake);
}
