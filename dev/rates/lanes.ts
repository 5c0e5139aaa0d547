import type { Lanes } from '../../domain/retry/pace.ts';

/** The lanes that the script uses. */
export const LANES: Lanes = {
  spacing: [{ calls: 1, perMs: 1_000 }],
  fast: [{ calls: 10, perMs: 1_000 }],
  twoWindows: [
    { calls: 5, perMs: 1_000 },
    { calls: 20, perMs: 10_000 },
  ],
  many: [{ calls: 1_000, perMs: 10_000 }],
};
