import { durationMs, type DurationText } from '../../domain/calendar.ts';
import { HttpError } from './failure.ts';

/** The ids of the system for one person. */
export interface FoundIds {
  readonly seq: number;
  readonly ids: readonly string[];
}

/** What `find` found, or an earlier call kept. Iterates over all ids. */
export class Found implements Iterable<string> {
  readonly #ids: ReadonlyMap<number, readonly string[]>;
  constructor(found: Iterable<FoundIds>) {
    const ids = new Map<number, string[]>();
    for (const each of found) if (each.ids.length > 0) ids.set(each.seq, [...(ids.get(each.seq) ?? []), ...each.ids]);
    this.#ids = ids;
  }
  get all(): readonly string[] {
    return [...new Set([...this.#ids.values()].flat())];
  }
  /** The people with an id. */
  get seqs(): readonly number[] {
    return [...this.#ids.keys()];
  }
  of(seq: number): readonly string[] {
    return this.#ids.get(seq) ?? [];
  }
  /** The part of some people. */
  only(seqs: readonly number[]): Found {
    return new Found(seqs.map((seq) => ({ seq, ids: this.of(seq) })));
  }
  [Symbol.iterator](): Iterator<string> {
    return this.all[Symbol.iterator]();
  }
}

/** `erase` has given work to the system, which answers for it later. */
export interface Later {
  readonly tickets: readonly string[];
  readonly waitMs: number;
}
export const later = (tickets: string | readonly string[], wait: DurationText): Later => ({
  tickets: typeof tickets === 'string' ? [tickets] : [...tickets],
  waitMs: toMs(wait),
});

/** What `ask` answers about a ticket. */
export type Asked =
  | { readonly state: 'pending'; readonly waitMs: number }
  | { readonly state: 'done'; readonly at: Date | null; readonly removed: number | null }
  | { readonly state: 'failed'; readonly error: HttpError };
export const pending = (wait: DurationText): Asked => ({ state: 'pending', waitMs: toMs(wait) });
export const done = ({ at, removed }: { readonly at?: Date; readonly removed?: number } = {}): Asked => ({
  state: 'done',
  at: at ?? null,
  removed: removed ?? null,
});
/** `name` is a literal such as `job_was_revoked`. An operator's retry gives the work to the system again. */
export const failed = <const Name extends string>(name: string extends Name ? never : Name): Asked => ({
  state: 'failed',
  error: new HttpError('named_refusal', { name }),
});

/** A person who is still there, with the ids under which. A number is a `seq`. */
export type Remaining = number | { readonly seq: number; readonly ids?: readonly string[]; readonly rows?: number };
export type Left =
  | readonly Remaining[]
  | { readonly verifyAgainMs: number }
  | { readonly left: readonly Remaining[]; readonly attested: readonly string[] };

/** The system acts later, or its index lags: the verification is repeated after this time. */
export const verifyAgain = (wait: DurationText): Left => ({ verifyAgainMs: toMs(wait) });

/** The system was searched, except for the named parts, for which only its word exists, such as `events`. */
export const attested = (names: readonly string[], left: readonly Remaining[]): Left => ({ left, attested: names });

/** Calls `work` for one item after the other, so that a rate limit holds and a kill repeats at most one call. */
export async function each<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result> | Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Looks up one person after the other. */
export const findEach = <Person extends { readonly seq: number }>(
  people: readonly Person[],
  idsOf: (person: Person) => Promise<readonly string[]>,
): Promise<FoundIds[]> => each(people, async (person) => ({ seq: person.seq, ids: await idsOf(person) }));

function toMs(wait: DurationText): number {
  const ms = durationMs(wait);
  if (ms === null) throw new HttpError('invalid_duration');
  return ms;
}
