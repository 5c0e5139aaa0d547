import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Turn, waitForTurn } from '../../../activities/systems/lanes.ts';
import { Deferral } from '../../../connectors/connector.ts';
import { postponeLane, readLane } from '../../../db/systems/lanes.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import { slackMs, type Window } from '../../../domain/retry/pace.ts';
import { type Ledger, ledger, START } from '../../support/ledger.ts';
import { sized } from '../../support/size.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
});
afterAll(() => world.closeLedger());

const laneOf = (lane: string) => ({ project: 'demo', system: 'mail', lane });

/** A sequence of numbers between 0 and 1 that is the same in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Runs steps on a clock that moves only while all of them sleep. `lateMs` is how late a sleep ends. */
async function runSteps(
  count: number,
  lateMs: () => number,
  step: (turn: Turn, elapsed: () => number) => Promise<void>,
) {
  let time = 0;
  let awake = count;
  const sleepers: { readonly endsAt: number; readonly wake: () => void }[] = [];
  const wakeNext = (): void => {
    const [next] = sleepers.toSorted((a, b) => a.endsAt - b.endsAt);
    if (awake > 0 || next === undefined) return;
    sleepers.splice(sleepers.indexOf(next), 1);
    awake += 1;
    time = Math.max(time, next.endsAt);
    next.wake();
  };
  const fallAsleep = (): void => {
    awake -= 1;
    wakeNext();
  };
  const elapsed = () => time;
  const turn: Turn = {
    sleep: (ms) =>
      new Promise<void>((wake) => {
        sleepers.push({ endsAt: time + ms + lateMs(), wake });
        fallAsleep();
      }),
    longestMs: DAY_MS,
    now: () => new Date(START.getTime() + time),
    clock: { elapsed, database: () => Math.ceil(START.getTime() + time) },
  };
  await Promise.all(Array.from({ length: count }, () => step(turn, elapsed).finally(fallAsleep)));
}

const LANES: readonly (readonly Window[])[] = [
  [{ calls: 1, perMs: 1_000 }],
  [
    { calls: 4, perMs: 1_000 },
    { calls: 12, perMs: 10_000 },
  ],
  [{ calls: 2, perMs: 100 }],
];

test('never exceeds a window where calls arrive, although processes wake late and the way differs', async () => {
  for (const [seed, windows] of LANES.entries()) {
    const random = randomNumbers(seed + 11);
    const key = laneOf(`late-${seed}`);
    const arrivals: number[] = [];
    const lateMs = () => random() * (random() < 0.3 ? 1_500 : 10);
    await runSteps(5, lateMs, async (turn, elapsed) => {
      for (let call = 0; call < sized(12, 200); call += 1) {
        await waitForTurn(world.database, key, windows, turn);
        arrivals.push(elapsed() + (random() * slackMs(windows)) / 2);
        if (random() < 0.2) await turn.sleep(random() * 3_000);
      }
    });
    const sorted = arrivals.toSorted((a, b) => a - b);
    for (const { calls, perMs } of windows)
      expect(Math.min(...sorted.slice(calls).map((last, n) => last - (sorted[n] ?? 0)))).toBeGreaterThanOrEqual(perMs);
    // Where the spacing leaves time to notice it, a late process delays the others and keeps its turn.
    expect((await readLane(world.database, key)).behindMs > 0).toBe(perMsOf(windows) > 300);
  }
});
const perMsOf = (windows: readonly Window[]) => Math.min(...windows.map(({ perMs }) => perMs));

test('defers a call that would wait longer than it may, and reserves nothing for it', async () => {
  const windows = [{ calls: 1, perMs: HOUR_MS }];
  const key = laneOf('used-up');
  await runSteps(
    1,
    () => 0,
    async (turn) => {
      await waitForTurn(world.database, key, windows, turn);
      const before = await world.sql`SELECT * FROM lethe.lanes WHERE name = ${key.lane}`;
      const late = waitForTurn(world.database, key, windows, { ...turn, longestMs: HOUR_MS / 2 });
      const until = new Date(turn.now().getTime() + HOUR_MS + slackMs(windows));
      await expect(late).rejects.toEqual(new Deferral(until));
      await expect(late).rejects.toHaveProperty('until', until);
      expect(await world.sql`SELECT * FROM lethe.lanes WHERE name = ${key.lane}`).toEqual(before);
    },
  );
});

test('reserves again when the lane is postponed during the wait, and stops waiting when it is cancelled', async () => {
  const windows = [{ calls: 1, perMs: 1_000 }];
  const key = laneOf('postponed');
  let time = 0;
  const clock = { elapsed: () => time, database: () => START.getTime() + time };
  const turn = { longestMs: HOUR_MS / 2, now: () => START, clock, sleep: async (ms: number) => void (time += ms) };
  await waitForTurn(world.database, key, windows, turn);
  const cancelled = new Error('cancelled');
  const cancelling = { ...turn, sleep: () => Promise.reject(cancelled) };
  await expect(waitForTurn(world.database, key, windows, cancelling)).rejects.toBe(cancelled);
  const postponing = async (ms: number) => {
    await postponeLane(world.reading, key, HOUR_MS);
    await turn.sleep(ms);
  };
  await expect(waitForTurn(world.database, key, windows, { ...turn, sleep: postponing })).rejects.toThrow(Deferral);
  await expect(waitForTurn(world.database, key, [], turn)).rejects.toThrow(Deferral);
  await waitForTurn(world.database, laneOf('without-windows'), [], turn);
  expect(await world.sql`SELECT FROM lethe.lanes WHERE name = 'without-windows'`).toHaveLength(0);
});
