import { condition, setHandler, workflowInfo } from '@temporalio/workflow';
import { DAY_MS } from '../../domain/calendar.ts';
import { wakeSignal } from './messages.ts';

/** Code that old runs need can be taken out after this long (rule 3). */
const LONGEST_RUN_MS = 30 * DAY_MS;

/** What a request's workflow waits with. */
export interface Watch {
  /** Before the rows are read, so that a wake during the reading is not lost. */
  reset(): void;
  wake(): void;
  /** Since the last reset. */
  woken(): boolean;
  /** Until woken, or until an instant; `null`: only a wake. */
  until(instant: number | null, summary: string): Promise<void>;
  /** A fresh run is due: the history is long, or old. */
  tired(): boolean;
}

export function watch(): Watch {
  let woken = false;
  const wake = (): void => {
    woken = true;
  };
  setHandler(wakeSignal, wake);
  const makesWayAt = workflowInfo().runStartTime.getTime() + LONGEST_RUN_MS;
  return {
    reset() {
      woken = false;
    },
    wake,
    woken: () => woken,
    async until(instant, summary) {
      // Once the run is old, what keeps it from making way will wake it.
      const ends = Math.min(instant ?? Infinity, Date.now() < makesWayAt ? makesWayAt : Infinity);
      if (ends === Infinity) await condition(() => woken);
      else if (ends > Date.now()) await condition(() => woken, ends - Date.now(), { summary });
    },
    tired: () => workflowInfo().continueAsNewSuggested || Date.now() >= makesWayAt,
  };
}
