import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LaneKey, postponeLane, readLane, reserveSlot } from '../../../db/systems/lanes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../domain/calendar.ts';
import { slackMs, type Window } from '../../../domain/retry/pace.ts';
import { type Ledger, ledger, START } from '../../support/ledger.ts';
import { sized } from '../../support/size.ts';

let world: Ledger;
beforeAll(async () => {
  world = await ledger();
});
afterAll(() => world.closeLedger());

let lanes = 0;
const nextLane = (): LaneKey => ({ project: 'demo', system: 'mail', lane: `lane-${(lanes += 1)}` });
const CLOCK = START.getTime();
const every = (perMs: number): Window => ({ calls: 1, perMs });

/** A sequence of numbers between 0 and 1 that is the same in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Reserves a slot at `now` and returns its time. */
async function reserve(key: LaneKey, windows: readonly Window[], now: number): Promise<number> {
  const wanted = { windows, slackMs: slackMs(windows), longestMs: 365 * DAY_MS, now };
  const { waitMs, isReserved } = await reserveSlot(world.database, key, wanted);
  expect(isReserved).toBe(true);
  return now + waitMs;
}

/** The shortest time in which one call more than the window allows arrives. */
const shortestMs = (arrivals: readonly number[], { calls }: Window): number => {
  const sorted = arrivals.toSorted((a, b) => a - b);
  return Math.min(...sorted.slice(calls).map((last, index) => last - (sorted[index] ?? 0)));
};

const LANES: readonly (readonly Window[])[] = [
  [every(1_000)],
  [every(70), { calls: 9, perMs: 1_000 }],
  [
    { calls: 7, perMs: 1_000 },
    { calls: 40, perMs: 10_000 },
    { calls: 150, perMs: MINUTE_MS },
  ],
  [{ calls: 130, perMs: 5_000 }],
];

test('never exceeds a window where calls arrive, however they are requested and however late each one arrives', async () => {
  for (const [seed, windows] of LANES.entries()) {
    const [random, key] = [randomNumbers(seed + 1), nextLane()];
    const arrivals: number[] = [];
    let now = CLOCK;
    for (let call = 0; call < sized(250, 4_000); call += 1) {
      // Mostly bursts, and sometimes a pause of up to a second longer than any spacing.
      now += random() < 0.9 ? Math.floor(random() * 3) : Math.floor(random() * 2_000);
      arrivals.push((await reserve(key, windows, now)) + random() * slackMs(windows));
    }
    for (const window of windows) expect(shortestMs(arrivals, window)).toBeGreaterThanOrEqual(window.perMs);
  }
});

test('never exceeds a window when calls arrive later than usual and say so', async () => {
  const [random, key, window] = [randomNumbers(7), nextLane(), { calls: 3, perMs: 100 }];
  const arrivals: number[] = [];
  for (let call = 0; call < 200; call += 1) {
    const late = random() < 0.2 ? 60 : 3;
    const wanted = { windows: [window], slackMs: late, longestMs: DAY_MS, now: CLOCK };
    arrivals.push((await reserveSlot(world.database, key, wanted)).waitMs + random() * late);
  }
  expect(shortestMs(arrivals, window)).toBeGreaterThanOrEqual(100);
});

test('uses at least 95 % of a window that is always wanted, and keeps at most a hundred times of it', async () => {
  for (const window of [every(1_000), { calls: 60, perMs: HOUR_MS }, { calls: 130, perMs: MINUTE_MS }]) {
    const key = nextLane();
    const times: number[] = [];
    for (let call = 0; call <= 2 * window.calls; call += 1) times.push(await reserve(key, [window], CLOCK));
    const elapsed = (times.at(-1) ?? 0) - CLOCK;
    expect(elapsed).toBeGreaterThanOrEqual(2 * window.perMs);
    expect(elapsed).toBeLessThanOrEqual((2 * window.perMs) / 0.95);
    // What still waits is kept too.
    await reserve(key, [window], (times.at(-1) ?? 0) + 1);
    const [kept] = await world.sql<{ count: number }[]>`
      SELECT jsonb_array_length(used -> ${String(window.perMs)}) AS count FROM lethe.lanes WHERE name = ${key.lane}`;
    expect(kept?.count).toBeLessThanOrEqual(103);
  }
});

test('reserves different times for processes that ask at once, with one statement each', async () => {
  const [key, now] = [nextLane(), CLOCK];
  await reserve(key, [every(1_000)], now - DAY_MS);
  const sent = () => world.statements.filter((statement) => statement.includes('lethe"."lanes')).length;
  const before = sent();
  const wanted = { windows: [every(1_000)], slackMs: 0, longestMs: DAY_MS, now };
  const pools = [world.database, world.reading];
  const slots = await Promise.all(
    pools.flatMap((pool) => Array.from({ length: 20 }, () => reserveSlot(pool, key, wanted))),
  );
  expect(slots.map(({ waitMs }) => waitMs).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 40 }, (_, n) => n * 1_000),
  );
  expect(sent()).toBe(before + 40);
  expect(await reserve(nextLane(), [every(1_000)], now)).toBe(now);
});

test('reserves nothing for a call that would wait too long', async () => {
  const [key, windows] = [nextLane(), [{ calls: 2, perMs: DAY_MS }]];
  const wanted = { windows, slackMs: 0, longestMs: 10 * MINUTE_MS, now: CLOCK };
  for (let call = 0; call < 2; call += 1)
    expect(await reserveSlot(world.database, key, wanted)).toMatchObject({ waitMs: 0, isReserved: true });
  const later = { ...wanted, now: CLOCK + HOUR_MS };
  for (let call = 0; call < 2; call += 1)
    expect(await reserveSlot(world.database, key, later)).toMatchObject({ waitMs: 23 * HOUR_MS, isReserved: false });
  expect(await reserveSlot(world.database, key, { ...wanted, now: CLOCK + DAY_MS })).toMatchObject({
    waitMs: 0,
    isReserved: true,
  });
});

test('keeps the calls of a window whose number of calls is changed', async () => {
  const key = nextLane();
  for (let call = 0; call < 3; call += 1) await reserve(key, [{ calls: 5, perMs: HOUR_MS }], CLOCK);
  expect(await reserve(key, [{ calls: 3, perMs: HOUR_MS }], CLOCK)).toBeGreaterThanOrEqual(CLOCK + HOUR_MS);
});

test('postpones a lane for all processes, never to an earlier time, and no other lane', async () => {
  const [key, other] = [nextLane(), nextLane()];
  expect(await readLane(world.database, key)).toEqual({ postponedMs: 0, behindMs: 0 });
  await postponeLane(world.database, key, HOUR_MS);
  await postponeLane(world.reading, key, MINUTE_MS);
  const { postponedMs: left } = await readLane(world.reading, key);
  expect([left > HOUR_MS - MINUTE_MS, left <= HOUR_MS]).toEqual([true, true]);
  const wanted = { windows: [every(1_000)], slackMs: 0, longestMs: MINUTE_MS };
  const postponed = await reserveSlot(world.reading, key, wanted);
  expect(postponed).toMatchObject({ waitMs: expect.toSatisfy((ms) => ms > HOUR_MS - MINUTE_MS), isReserved: false });
  expect(await readLane(world.database, other)).toEqual({ postponedMs: 0, behindMs: 0 });
  expect(await reserveSlot(world.database, other, wanted)).toMatchObject({ waitMs: 0, isReserved: true });
});
