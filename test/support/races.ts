import { expect } from 'vitest';
import { sized } from './size.ts';

export const ROUNDS = sized(100, 1_000);
export const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
/** One project per round, so that rounds share neither a lock nor subjects. */
export const projectOf = (round: number): string => `project-${round}`;

/** Waits less than `ms`, for a different time in each round. */
export const delay = (round: number, ms = 20) => new Promise((done) => setTimeout(done, (round * 7) % ms));

/** Runs both concurrently. The one that starts first alternates. */
export async function race<A, B>(round: number, a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  const first = round % 2 === 0 ? a() : delay(round).then(a);
  const second = round % 2 === 0 ? delay(round).then(b) : b();
  return Promise.all([first, second]);
}

/** Runs all rounds, eight at a time. */
export async function inParallel(each: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < ROUNDS) await each(next++);
    }),
  );
}

/** Counts how often each legal outcome occurred; any other outcome fails. */
export const countOutcomes = (legal: readonly unknown[]) => {
  const outcomes = legal.map((outcome) => ({ text: JSON.stringify(outcome), seen: 0 }));
  return {
    add(outcome: unknown): void {
      expect(outcomes.map(({ text }) => text)).toContain(JSON.stringify(outcome));
      for (const known of outcomes) known.seen += known.text === JSON.stringify(outcome) ? 1 : 0;
    },
    /** The count of each outcome. A race proves nothing if one side always wins. */
    seen: (): number[] => outcomes.map(({ seen }) => seen),
  };
};
export const BOTH_OCCURRED = [expect.toSatisfy((seen) => seen > 0), expect.toSatisfy((seen) => seen > 0)];
