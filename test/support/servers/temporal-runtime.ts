import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';

/** Silences Temporal's logs below the level of errors. */
export function quietTemporal(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch (error) {
    // An earlier test file in the same process has installed the runtime.
    if (!(error instanceof IllegalStateError)) throw error;
  }
}
