import { condition, setHandler, type SignalDefinition, workflowInfo } from '@temporalio/workflow';
import { DAY_MS } from '../../domain/calendar.ts';
import { requestChangedSignal } from './messages.ts';

/** The age at which a run continues as new, so that code for older runs can be removed (rule 3). */
const LONGEST_RUN_MS = 30 * DAY_MS;
/** In characters. Temporal stores at most 400 bytes. */
const LONGEST_SUMMARY = 200;

/** How a workflow waits between two readings of its rows. */
export interface Wakeup {
  /** Call before reading the rows: a signal that arrives during the reading is then kept. */
  reset(): void;
  wake(): void;
  /** Whether a signal or `wake` has arrived since the last reset. */
  wasSignaled(): boolean;
  /**
   * Waits for a signal or the timestamp, whichever comes first. With null, waits for a signal only. While a task runs, its end
   * wakes the workflow, so that a run becomes too old only without tasks.
   */
  waitUntil(timestamp: number | null, summary: string, hasTasks?: boolean): Promise<void>;
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
  let signaled = false;
  const wake = (): void => {
    signaled = true;
  };
  setHandler(signal, wake, { description });
  const continueAsNewAt = workflowInfo().runStartTime.getTime() + LONGEST_RUN_MS;
  return {
    reset() {
      signaled = false;
    },
    wake,
    wasSignaled: () => signaled,
    async waitUntil(timestamp, summary, hasTasks = false) {
      // An old run needs no timer. The end of its last task wakes it, and it continues as new.
      const agesAt = hasTasks || Date.now() >= continueAsNewAt ? Infinity : continueAsNewAt;
      const endsAt = Math.min(timestamp ?? Infinity, agesAt);
      const shown = summary.length <= LONGEST_SUMMARY ? summary : `${summary.slice(0, LONGEST_SUMMARY)}…`;
      if (endsAt === Infinity) await condition(() => signaled);
      else if (endsAt > Date.now()) await condition(() => signaled, endsAt - Date.now(), { summary: shown });
    },
    shouldContinueAsNew: () => workflowInfo().continueAsNewSuggested || Date.now() >= continueAsNewAt,
  };
}
