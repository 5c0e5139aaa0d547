import type { Clock } from './clock.ts';

/** At most `calls` in any period of `perMs`, as in `limits.lanes` of a connector. */
export interface Limit {
  readonly calls: number;
  readonly perMs: number;
}

/** Counts the calls of one limit, or of several that hold together, such as per minute and per day. */
export interface Limiter {
  /** Counts a call of `weight`. Returns null, or the milliseconds to wait when the call is above a limit. */
  admit(weight?: number): number | null;
}

/** Refused calls do not count. */
export function limiter(clock: Clock, limits: readonly Limit[]): Limiter {
  const admitted: { readonly at: number; readonly weight: number }[] = [];
  const waitOf = ({ calls, perMs }: Limit, weight: number): number => {
    const now = clock.now();
    const recent = admitted.filter(({ at }) => at > now - perMs);
    let excess = recent.reduce((sum, call) => sum + call.weight, weight) - calls;
    for (const call of recent) {
      if (excess <= 0) break;
      excess -= call.weight;
      if (excess <= 0) return call.at + perMs - now;
    }
    return excess > 0 ? perMs : 0;
  };
  return {
    admit(weight = 1) {
      const wait = Math.max(0, ...limits.map((limit) => waitOf(limit, weight)));
      if (wait > 0) return wait;
      admitted.push({ at: clock.now(), weight });
      return null;
    },
  };
}

export const NO_LIMIT: Limiter = { admit: () => null };
