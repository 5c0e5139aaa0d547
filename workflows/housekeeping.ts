import { ledger } from './shared/proxies.ts';

/** Every minute, by a Schedule: what has no workflow gets one, and lost wakes are repeated. */
export async function housekeeping(): Promise<{ attended: number }> {
  return ledger.attendNeglected({ asOf: Date.now() });
}
