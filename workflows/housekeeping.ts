import { ledger } from './shared/proxies.ts';

/** A Schedule runs it every minute: it starts workflows that are missing and repeats signals that were lost. */
export async function housekeeping(): Promise<{ recovered: number }> {
  return ledger.recoverStalled({ asOf: Date.now() });
}
