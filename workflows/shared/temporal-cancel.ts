import { CancellationScope } from '@temporalio/workflow';
import { ledger } from './proxies.ts';
import type { Watch } from './wakeup.ts';

/** The cancel button of Temporal's UI: whatever can still be taken back is, and the request goes on to its end. */
export function cancelFromTemporal(requestId: string, waiting: Watch): void {
  CancellationScope.current()
    .cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () => {
        await ledger.cancelByOperator({ requestId, asOf: Date.now() });
        waiting.wake();
      }),
    )
    .catch(waiting.wake);
}
