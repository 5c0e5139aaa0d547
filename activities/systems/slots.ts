import { setTimeout as delay } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { type ConnectorContext, Deferral, type Lanes } from '../../connectors/connector.ts';
import { postponeLane } from '../../db/systems/lanes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/calendar.ts';
import type { ActivityDeps } from '../deps.ts';
import { waitForTurn } from './lanes.ts';

/** A verb that continues where it stopped waits no longer than this in an activity, and runs no longer. */
const LONGEST_WAIT_MS = 10 * MINUTE_MS;
const LONGEST_CALL_MS = 6 * HOUR_MS;
/** What an attempt needs after a wait, before its timeout. */
const RESERVE_MS = MINUTE_MS;
/** A system that asks for more does not stop its lane for ever. */
const LONGEST_POSTPONEMENT_MS = 31 * DAY_MS;

/**
 * The rate limits of a system, for one call of a verb. Any other verb than one that can be continued starts from its
 * beginning after a `Deferral`, so it waits as long as its attempt may take.
 */
export function createSlots(
  { reading }: Pick<ActivityDeps, 'reading'>,
  system: { readonly project: string; readonly system: string },
  lanes: Lanes | undefined,
  {
    canContinue,
    now,
    signal,
  }: { readonly canContinue: boolean; readonly now: () => Date; readonly signal: AbortSignal },
): Pick<ConnectorContext, 'waitForSlot' | 'postponeLane'> {
  const startedAt = performance.now();
  const longestMs = longestAttemptMs();
  const sleep = async (ms: number): Promise<void> => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  return {
    async waitForSlot(lane = '') {
      if (lanes === undefined) return;
      const elapsedMs = performance.now() - startedAt;
      if (canContinue && elapsedMs > LONGEST_CALL_MS) throw new Deferral(now());
      const leftMs = longestMs - elapsedMs - RESERVE_MS;
      await waitForTurn(reading, { ...system, lane }, lanes[lane] ?? [], {
        sleep,
        longestMs: Math.max(0, canContinue ? Math.min(leftMs, LONGEST_WAIT_MS) : leftMs),
        now,
      });
    },
    async postponeLane(lane = '', until) {
      const forMs = Math.min(until.getTime() - Date.now(), LONGEST_POSTPONEMENT_MS);
      if (forMs > 0) await postponeLane(reading, { ...system, lane }, forMs);
    },
  };
}

/** How long this attempt may take. */
function longestAttemptMs(): number {
  const info = activityInfo();
  const untilClosed =
    info.scheduledTimestampMs + info.scheduleToCloseTimeoutMs - info.currentAttemptScheduledTimestampMs;
  return Math.min(info.startToCloseTimeoutMs || Infinity, info.scheduleToCloseTimeoutMs > 0 ? untilClosed : Infinity);
}
