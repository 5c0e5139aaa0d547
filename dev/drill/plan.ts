/** Every decision of a drill is made here, so that a seed repeats its faults, its requests and its delays. */

export const FAULTS = [
  'none',
  'API killed',
  'API paused',
  'worker killed',
  'worker paused',
  'Temporal killed',
  'Temporal paused',
  'ledger killed',
  'ledger paused',
  'system killed',
  'system paused',
  'archives full',
  'connections taken',
  'rows locked',
  'table locked',
  'clock moved',
] as const;
export type Fault = (typeof FAULTS)[number];

/** The number of people of each scenario. dev/drill/scenarios.ts runs them. */
export const SCENARIOS = {
  deletion: 3,
  suppressNow: 2,
  cancelAll: 3,
  cancelPart: 4,
  clearSources: 2,
  clearCategories: 2,
  export: 2,
  holdFirst: 3,
  holdRace: 2,
  holdThenCancel: 2,
  attach: 3,
  attachThenCancel: 1,
  suppression: 2,
  confirm: 2,
  dryRun: 2,
  segment: 3,
  expedite: 2,
  exportFirst: 2,
  exportThenDelete: 2,
} as const;
export type ScenarioName = keyof typeof SCENARIOS;
const SCENARIO_NAMES = Object.keys(SCENARIOS).filter((name): name is ScenarioName => name in SCENARIOS);
const SCENARIOS_PER_CYCLE = 6;

export interface PlannedScenario {
  readonly name: ScenarioName;
  /** Before its first call. */
  readonly delayMs: number;
  /** Before its second call, such as a cancel that races with the claim. */
  readonly pauseMs: number;
}

export interface Cycle {
  readonly number: number;
  readonly fault: Fault;
  readonly faultAfterMs: number;
  readonly faultForMs: number;
  /** From 0 to 1. Chooses among the processes or systems that the fault can affect. */
  readonly target: number;
  readonly scenarios: readonly PlannedScenario[];
}

export function planOf(seed: number, cycles: number, scenariosPerCycle = SCENARIOS_PER_CYCLE): readonly Cycle[] {
  const random = randomOf(seed);
  const nextFault = deckOf(FAULTS, random);
  const nextScenario = deckOf(SCENARIO_NAMES, random);
  const between = (low: number, high: number): number => Math.round(low + random() * (high - low));
  return Array.from({ length: cycles }, (_, index) => ({
    number: index + 1,
    fault: nextFault(),
    faultAfterMs: between(0, 1_200),
    faultForMs: between(300, 1_800),
    target: random(),
    scenarios: Array.from({ length: scenariosPerCycle }, () => ({
      name: nextScenario(),
      delayMs: between(0, 900),
      pauseMs: between(0, 3_000),
    })),
  }));
}

/** Mulberry32: a small generator whose sequence depends on the seed only. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Deals every card once before any card twice. */
function deckOf<Card>(cards: readonly Card[], random: () => number): () => Card {
  let deck: Card[] = [];
  return () => {
    if (deck.length === 0) {
      const keyed = cards.map((card) => ({ card, at: random() }));
      deck = keyed.toSorted((one, other) => one.at - other.at).map(({ card }) => card);
    }
    const card = deck.pop();
    if (card === undefined) throw new Error('an empty deck has no card');
    return card;
  };
}
