import type { SubjectIdentity } from '../../../domain/identity.ts';
import type { RangeKey } from '../../../domain/batch.ts';
import { HttpError, runFunction } from '../failure.ts';
import type { Api } from '../calls/types.ts';
import { Found, type FoundIds } from '../results.ts';
import type { KindSettings, Person } from '../settings.ts';
import type { Call } from './context.ts';

/** The people of one range of a batch, and the ids of the system that earlier calls kept for them. */
export interface PeopleRange {
  readonly key: RangeKey;
  readonly people: readonly Person[];
  readonly kept: Found;
  /** What exports of the request kept for the range. */
  readonly exportTickets: readonly string[];
}

/** Stands before the tickets of exports, which are kept beside the ids of the system. */
const EXPORT = 'export:';
const isTicket = ({ id }: { readonly id: string }): boolean => id.startsWith(EXPORT);

/** Keeps a ticket for everyone in the range, because what is kept of a subject is purged with it. */
export const keepExportTicket = (call: Call, people: readonly Person[], found: Found, ticket: string): Promise<void> =>
  call.activity.keepForeignIds(
    people.map(({ seq }) => ({ seq, ids: [...new Set([...found.of(seq), `${EXPORT}${ticket}`])] })),
  );

/**
 * The ranges of a batch in order. Their bounds depend on the numbers of the subjects only, so that a later call has the
 * same ranges although it leaves out other subjects. A range without identities is left out.
 */
export async function* rangesOf({ batch, kind, activity }: Call): AsyncGenerator<PeopleRange> {
  const identities = new Cursor(batch.identities());
  const foreign = new Cursor(batch.foreignIds());
  for (let first = await identities.peekSeq(); first !== null; first = await identities.peekSeq()) {
    activity.signal.throwIfAborted();
    const firstSeq = batch.firstSeq + Math.floor((first - batch.firstSeq) / kind.batchSize) * kind.batchSize;
    const lastSeq = Math.min(firstSeq + kind.batchSize - 1, batch.lastSeq);
    const rows = await identities.takeUntil(lastSeq);
    const all = await foreign.takeUntil(lastSeq);
    const kept = new Found(all.flatMap((each) => (isTicket(each) ? [] : { seq: each.seq, ids: [each.id] })));
    const exportTickets = new Set(all.filter(isTicket).map(({ id }) => id.slice(EXPORT.length)));
    yield {
      key: { firstSeq, lastSeq, part: 0 },
      people: peopleOf(rows, kind),
      kept,
      exportTickets: [...exportTickets],
    };
  }
}

/** People without an identity that the system knows are left out: it cannot have anything of them. */
function peopleOf(rows: readonly SubjectIdentity[], { identities }: KindSettings): Person[] {
  const types = Object.keys(identities);
  const people = new Map<number, Record<string, (readonly string[])[]>>();
  for (const { seq, identity } of rows) {
    if (!types.includes(identity.type)) continue;
    const values = people.get(seq) ?? Object.fromEntries(types.map((type) => [type, []]));
    values[identity.type]?.push(identity.value);
    people.set(seq, values);
  }
  return [...people].map(([seq, values]) => ({ seq, values, ids: firstParts(values) }));
}

const firstParts = (values: Readonly<Record<string, readonly (readonly string[])[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(values).map(([type, all]) => [type, all.flatMap((parts) => parts.slice(0, 1))]));

/** Reads pages in the order of `seq`. */
class Cursor<Row extends { readonly seq: number }> {
  readonly #pages: AsyncIterator<readonly Row[]>;
  #page: readonly Row[] = [];
  #index = 0;

  constructor(pages: AsyncIterable<readonly Row[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  async peekSeq(): Promise<number | null> {
    return (await this.#peek())?.seq ?? null;
  }

  async takeUntil(lastSeq: number): Promise<Row[]> {
    const rows: Row[] = [];
    for (let row = await this.#peek(); row !== null && row.seq <= lastSeq; row = await this.#peek()) {
      rows.push(row);
      this.#index += 1;
    }
    return rows;
  }

  async #peek(): Promise<Row | null> {
    while (this.#index >= this.#page.length) {
      const next = await this.#pages.next();
      if (next.done === true) return null;
      [this.#page, this.#index] = [next.value, 0];
    }
    return this.#page[this.#index] ?? null;
  }
}

/** The people for one call of a function: all of them, or one. */
export const groupsOf = (people: readonly Person[], { at = 'once' }: KindSettings): readonly (readonly Person[])[] =>
  at === 'each' ? people.map((person) => [person]) : people.length === 0 ? [] : [people];

/** Looks up the people without a kept id, and keeps what it finds before anything else happens. */
export async function lookUp(call: Call, api: Api, people: readonly Person[], kept: Found): Promise<Found> {
  const { find } = call.context.settings;
  if (find === undefined) return kept;
  let all = kept;
  for (const group of groupsOf(
    people.filter(({ seq }) => kept.of(seq).length === 0),
    call.kind,
  )) {
    const found = await runFunction(call.activity.signal, async () =>
      requireFoundIds(await find(api, group, call.about), group),
    );
    if (found.length > 0) await call.activity.keepForeignIds(found);
    all = new Found([...entriesOf(all), ...found]);
  }
  return all;
}

export const entriesOf = (found: Found): FoundIds[] => found.seqs.map((seq) => ({ seq, ids: found.of(seq) }));

/** Ids of other people, or of a type that a look-up can get wrong, such as undefined, must never be deleted. */
function requireFoundIds(found: unknown, people: readonly Person[]): FoundIds[] {
  if (!Array.isArray(found)) throw new HttpError('invalid_result');
  const entries = found as readonly Partial<FoundIds>[];
  return [...entriesOf(new Found(entries.map((entry) => requireFoundId(entry, people))))];
}

function requireFoundId({ seq, ids }: Partial<FoundIds>, people: readonly Person[]): FoundIds {
  const isValid = Array.isArray(ids) && ids.every((id) => typeof id === 'string' && id !== '');
  if (seq === undefined || !isValid || !people.some((person) => person.seq === seq))
    throw new HttpError('invalid_result');
  return { seq, ids: [...new Set(ids)] };
}

/** Throws for a `seq` that the function did not receive. */
export function requireSeq(seq: number, people: readonly Person[]): number {
  if (!people.some((person) => person.seq === seq)) throw new HttpError('invalid_result');
  return seq;
}
