import { condition, setHandler, type SignalDefinition, workflowInfo } from '@temporalio/workflow';
import { DAY_MS } from '../../domain/calendar.ts';
import { requestChangedSignal } from './messages.ts';

/** After this long, code that only older runs need can be removed (rule 3). */
const LONGEST_RUN_MS = 30 * DAY_MS;
/** Temporal stores at most 400 bytes. */
const LONGEST_SUMMARY = 200;

/** How a workflow waits between two readings of its rows. */
export interface Wakeup {
  /** Call before reading the rows: a signal that arrives during the reading is then kept. */
  reset(): void;
  wake(): void;
  /** Since the last reset. */
  wasSignalled(): boolean;
  /** Waits for a signal or the timestamp, whichever comes first. Null: for a signal. */
  waitUntil(timestamp: number | null, summary: string): Promise<void>;
  /** Whether the history is long or the run is old. */
  shouldContinueAsNew(): boolean;
}

/** The wakeup of a request, whose changes every process signals. */
export const createRequestWakeup = (): Wakeup =>
  createWakeup(
    requestChangedSignal,
    'The rows of the request have changed: read them again and start what is due. Safe to send at any time.',
  );

export function createWakeup(signal: SignalDefinition, description: string): Wakeup {
  let signalled = false;
  const wake = (): void => {
    signalled = true;
  };
  setHandler(signal, wake, { description });
  const oldAt = workflowInfo().runStartTime.getTime() + LONGEST_RUN_MS;
  return {
    reset() {
      signalled = false;
    },
    wake,
    wasSignalled: () => signalled,
    async waitUntil(timestamp, summary) {
      // An old run continues as new when its last task ends, which wakes it: it needs no timer for that.
      const endsAt = Math.min(timestamp ?? Infinity, Date.now() < oldAt ? oldAt : Infinity);
      const shown = summary.length <= LONGEST_SUMMARY ? summary : `${summary.slice(0, LONGEST_SUMMARY)}…`;
      if (endsAt === Infinity) await condition(() => signalled);
      else if (endsAt > Date.now()) await condition(() => signalled, endsAt - Date.now(), { summary: shown });
    },
    shouldContinueAsNew: () => workflowInfo().continueAsNewSuggested || Date.now() >= oldAt,
  };
}
