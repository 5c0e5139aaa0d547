import { continueAsNew, setCurrentDetails } from '@temporalio/workflow';
import { utcText } from '../domain/wording/format.ts';
import { systemUnansweredSignal, type WatchInput } from './shared/messages.ts';
import { ledger } from './shared/proxies.ts';
import { createWakeup } from './shared/wakeup.ts';

/**
 * Probes a system whose calls fail until it answers, one probe at a time for all requests. The probe that succeeds wakes
 * the requests that wait. Ends without a probe when a call of a request was answered first.
 */
export async function watchSystem(key: WatchInput): Promise<void> {
  const wakeup = createWakeup(systemUnansweredSignal, 'A call was not answered: probe the system now.');
  for (;;) {
    wakeup.reset();
    const { nextProbeAt } = await ledger.probeSystem({ ...key, asOf: Date.now() });
    if (nextProbeAt === null && !wakeup.wasSignaled()) return;
    if (wakeup.shouldContinueAsNew()) await continueAsNew<typeof watchSystem>(key);
    if (nextProbeAt === null) continue;
    const nextProbe = `Next probe at ${utcText(nextProbeAt)}`;
    setCurrentDetails(nextProbe);
    await wakeup.waitUntil(nextProbeAt, nextProbe);
  }
}
