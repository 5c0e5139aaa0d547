import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';

/** A worker's comings and goings are no finding; what it warns of is. */
export function quietTemporal(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch (error) {
    // The test file before, in the same process, has installed it.
    if (!(error instanceof IllegalStateError)) throw error;
  }
}
