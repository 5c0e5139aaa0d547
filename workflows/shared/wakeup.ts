import { condition, setHandler, workflowInfo } from '@temporalio/workflow';
import { DAY_MS } from '../../domain/calendar.ts';
import { wakeSignal } from './messages.ts';

/** Code that only old runs need can be removed after this long (rule 3). */
const LONGEST_RUN_MS = 30 * DAY_MS;

/** What a workflow waits with between two readings of its rows. */
export interface Wakeup {
  /** Call it before reading the rows: a signal that arrives during the reading is then kept. */
  reset(): void;
  wake(): void;
  /** Since the last reset. */
  wasSignalled(): boolean;
  /** Until a signal or the timestamp, whichever comes first; null: until a signal. */
  waitUntil(timestamp: number | null, summary: string): Promise<void>;
  /** The history is long, or the run is old. */
  shouldContinueAsNew(): boolean;
}

export function createWakeup(): Wakeup {
  let signalled = false;
  const wake = (): void => {
    signalled = true;
  };
  setHandler(wakeSignal, wake);
  const oldAt = workflowInfo().runStartTime.getTime() + LONGEST_RUN_MS;
  return {
    reset() {
      signalled = false;
    },
    wake,
    wasSignalled: () => signalled,
    async waitUntil(timestamp, summary) {
      // Once the run is old, the end of the task that still keeps it from continuing as new wakes it.
      const ends = Math.min(timestamp ?? Infinity, Date.now() < oldAt ? oldAt : Infinity);
      if (ends === Infinity) await condition(() => signalled);
      else if (ends > Date.now()) await condition(() => signalled, ends - Date.now(), { summary });
    },
    shouldContinueAsNew: () => workflowInfo().continueAsNewSuggested || Date.now() >= oldAt,
  };
}
