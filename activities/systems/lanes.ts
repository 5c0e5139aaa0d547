import { Deferral } from '../../connectors/connector.ts';
import type { Database } from '../../db/client.ts';
import { delayLane, type LaneKey, readLane, type Reservation, reserveSlot } from '../../db/systems/lanes.ts';
import { slackMs, type Window } from '../../domain/retry/pace.ts';

/** How a process waits for its turn. */
export interface Turn {
  /** Rejects when the caller is cancelled. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** A longer wait throws `Deferral`. */
  readonly longestMs: number;
  /** The clock of the time in `Deferral`. */
  readonly now: () => Date;
  /** The elapsed time and the database's clock, both in milliseconds. For tests. */
  readonly clock?: { readonly elapsed: () => number; readonly database: () => number };
}

/** A call that waits longer asks shortly before its time whether the lane was postponed or delayed meanwhile. */
const ASKED_AFTER_MS = 250;
const ASKED_BEFORE_MS = 50;
/** A delay is in the ledger, and can be read, within this time. */
const WRITTEN_WITHIN_MS = 50;
const FIRST_DELAY_MS = 10;

/** Waits until every window of the lane allows the next call, in whichever process. */
export async function waitForTurn(
  database: Database,
  key: LaneKey,
  windows: readonly Window[],
  turn: Turn,
): Promise<void> {
  if (windows.length === 0) return waitForPostponement(database, key, turn);
  const elapsed = turn.clock?.elapsed ?? (() => performance.now());
  const now = () => turn.clock?.database();
  const shortestMs = Math.min(...windows.map(({ perMs }) => perMs));
  for (let slack = slackMs(windows); ; slack *= 2) {
    const askedAt = elapsed();
    const wanted = { windows, slackMs: slack, longestMs: turn.longestMs, now: now() };
    const slot = await reserveSlot(database, key, wanted);
    if (!slot.isReserved) throw new Deferral(new Date(turn.now().getTime() + slot.waitMs));
    const answeredAt = elapsed();
    const movedMs = await sleepUntilSlot(slot, answeredAt + slot.waitMs);
    if (movedMs === null) continue;
    // Half of the slack is for the way to the system. Every time is counted from the earliest moment that it can mean.
    if (elapsed() - (askedAt + slot.queuedMs + slot.waitMs + movedMs) <= slack / 2 || (await delay(slot, slack)))
      return;
  }

  /** Returns by how much the lane was delayed meanwhile. Null if it was postponed. */
  async function sleepUntilSlot({ waitMs, behindMs }: Reservation, endsAt: number): Promise<number | null> {
    let movedMs = 0;
    if (waitMs > ASKED_AFTER_MS) {
      await sleepUntil(endsAt - ASKED_BEFORE_MS);
      const lane = await readLane(database, key, { now: now() });
      movedMs = lane.behindMs - behindMs;
      if (lane.postponedMs > endsAt + movedMs - elapsed() + ASKED_BEFORE_MS) return null;
    }
    await sleepUntil(endsAt + movedMs);
    return movedMs;
  }

  async function sleepUntil(time: number): Promise<void> {
    for (let leftMs = time - elapsed(); leftMs > 0; leftMs = time - elapsed()) await turn.sleep(Math.ceil(leftMs));
  }

  /** Delays the lane for a process that is late. Returns false if other calls may not notice it in time. */
  async function delay({ at, behindMs }: Reservation, slack: number): Promise<boolean> {
    const latestAt = at + behindMs + slack + shortestMs - ASKED_AFTER_MS - WRITTEN_WITHIN_MS;
    for (let withinMs = FIRST_DELAY_MS; ; withinMs *= 2) {
      const askedAt = elapsed();
      if (!(await delayLane(database, key, { at, withinMs, latestAt, now: now() }))) return false;
      const tookMs = elapsed() - askedAt;
      if (tookMs <= withinMs + slack / 2) return true;
      if (tookMs > ASKED_AFTER_MS) return false;
    }
  }
}

/** A lane without windows only waits for what the system has asked for. */
async function waitForPostponement(database: Database, key: LaneKey, turn: Turn): Promise<void> {
  for (;;) {
    const { postponedMs } = await readLane(database, key);
    if (postponedMs > turn.longestMs) throw new Deferral(new Date(turn.now().getTime() + postponedMs));
    if (postponedMs === 0) return;
    await turn.sleep(postponedMs);
  }
}
