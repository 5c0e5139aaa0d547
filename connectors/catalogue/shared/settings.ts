import type { DurationText } from '../../../domain/calendar.ts';
import type { Comparison } from '../../../domain/identity.ts';
import type { HttpSettings, PaceWindow, Person } from '../../http/index.ts';

/** What every system of the catalogue accepts beside its secrets. */
export interface CatalogueSettings {
  /** The identity type whose value is the id of the system. An object also says how its values compare, and their parts. */
  readonly identity?: string | IdentityChoice;
  /** People per range, at most the maximum of the system. */
  readonly batchSize?: number;
  /** Another address of the system, for example of a proxy. */
  readonly at?: string;
  /** Private networks in which this address may lie, such as `10.0.0.0/8`. */
  readonly allowPrivate?: readonly string[];
  /** Replaces the windows of lanes, such as `{ read: [{ perHour: 30 }] }` for a limit that several programs share. */
  readonly pace?: Readonly<Record<string, readonly PaceWindow[]>>;
  /** The longest time of one call. Default: 30 seconds. */
  readonly timeout?: DurationText;
  /** How often Lethe asks for a running job, in a system that deletes by jobs. Default: what suits its usual time. */
  readonly askEvery?: DurationText;
  /** Replaces the time that the vendor states, for example after an agreement with it. */
  readonly completesWithin?: DurationText;
}
interface IdentityChoice {
  readonly type: string;
  readonly match?: Comparison;
  readonly parts?: number;
}

export interface CatalogueFacts {
  /** The identity type of the system's id by default, and how its values compare by default. */
  readonly identity: IdentityChoice;
  /** People per call at most. */
  readonly most: number;
  readonly table: string;
  readonly pace?: Readonly<Record<string, readonly PaceWindow[]>>;
  readonly completesWithin: DurationText;
}

/** The identity type that the settings choose. */
export const typeOf = ({ identity }: CatalogueSettings, byDefault: string): string =>
  identity === undefined ? byDefault : typeof identity === 'string' ? identity : identity.type;

/** What the settings of all systems say in the same way. `batchSize` defaults to the most that one call takes. */
export function common(settings: CatalogueSettings, facts: CatalogueFacts, at: string) {
  const chosen = typeof settings.identity === 'object' ? settings.identity : {};
  const { match, parts } = { ...facts.identity, ...chosen };
  const kind = {
    identities: {
      [typeOf(settings, facts.identity.type)]: {
        ...(match === undefined ? {} : { match }),
        ...(parts === undefined ? {} : { parts }),
      },
    },
    batchSize: settings.batchSize ?? facts.most,
    maxBatchSize: facts.most,
    table: facts.table,
  };
  return {
    at: settings.at ?? at,
    ...(settings.allowPrivate === undefined ? {} : { allowPrivate: settings.allowPrivate }),
    ...(settings.timeout === undefined ? {} : { timeout: settings.timeout }),
    pace: { ...facts.pace, ...settings.pace },
    completesWithin: settings.completesWithin ?? facts.completesWithin,
    kinds: { user: kind },
  } satisfies Partial<HttpSettings>;
}

/** The ids of the people, each once. */
export const idsOf = (people: readonly Person[], type: string): string[] => [
  ...new Set(people.flatMap(({ ids }) => ids[type] ?? [])),
];

/** The people who have one of these ids. */
export const seqsOf = (people: readonly Person[], type: string, present: ReadonlySet<string>): number[] =>
  people.filter(({ ids }) => ids[type]?.some((id) => present.has(id)) === true).map(({ seq }) => seq);

/** The person of each id. `fold` makes ids equal that the system compares as equal. */
export const ownersOf = (
  people: readonly Person[],
  type: string,
  fold: (id: string) => string = (id) => id,
): ReadonlyMap<string, number> =>
  new Map(people.flatMap(({ seq, ids }) => (ids[type] ?? []).map((id) => [fold(id), seq] as const)));

/** One person can have several ids, so a range can have more ids than one call takes. */
export function* chunksOf<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
