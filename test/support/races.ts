import { expect } from 'vitest';
import { sized } from './size.ts';

export const ROUNDS = sized(200, 1_000);
export const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
/** A project a round: rounds do not wait for each other's lock, and none counts another's subjects. */
export const projectOf = (round: number): string => `project-${round}`;

/** Up to this many ms, another in each round. */
export const apart = (round: number, ms = 20) => new Promise((done) => setTimeout(done, (round * 7) % ms));

/** Both at once, the one that is started first alternating. */
export async function race<A, B>(round: number, a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  const first = round % 2 === 0 ? a() : apart(round).then(a);
  const second = round % 2 === 0 ? apart(round).then(b) : b();
  return Promise.all([first, second]);
}

/** All rounds, eight at a time. */
export async function inParallel(each: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < ROUNDS) await each(next++);
    }),
  );
}

/** How often each legal end was seen; any other end fails. */
export const tally = (legal: readonly unknown[]) => {
  const ends = legal.map((end) => ({ text: JSON.stringify(end), seen: 0 }));
  return {
    add(end: unknown): void {
      expect(ends.map(({ text }) => text)).toContain(JSON.stringify(end));
      for (const known of ends) known.seen += known.text === JSON.stringify(end) ? 1 : 0;
    },
    /** Of each end. A race that only one side ever wins shows nothing. */
    seen: (): number[] => ends.map(({ seen }) => seen),
  };
};
export const BOTH = [expect.toSatisfy((seen) => seen > 0), expect.toSatisfy((seen) => seen > 0)];
