import { ledger } from './shared/proxies.ts';

/** A Schedule runs it every minute: it starts missing workflows and repeats lost signals. */
export async function recoverStalledWork(): Promise<{ recovered: number }> {
  return ledger.recoverStalledWork({ asOf: Date.now() });
}
