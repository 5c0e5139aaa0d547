import type { Batch, BlockedSubject, ConnectorContext, Deletion, HardDeletion, RangeKey } from '../connector.ts';
import type { Context } from './context.ts';
import { type Figures, type Ticket, readTicket, writeTicket } from './range-ticket.ts';
import { type Found, groups, search } from './search.ts';
import { batchSizeOf } from './settings.ts';
import { type Entry, type Refusal, type Session, PAGE_SIZE, proceed } from './store/store.ts';
import { type ObjectsModel, type Subject, modelOf, subjectsOf } from './subjects.ts';

/** Irreversible. What a range has is counted into its ticket first, so that a repeated call reports the same figures. */
export async function hardDelete(
  { settings, store }: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  proceed(activity);
  const model = modelOf(settings, batch.kind);
  const run = new RangeDeletion(model, await store.begin(activity), deletion, activity);
  const except = new Set(batch.except);
  for await (const { range, subjects } of rangesOf(batch, model, batchSizeOf(settings))) {
    if (deletion.isFinished(range)) continue;
    const isWhole = !hasAny(range, except) && subjects.every(({ seq }) => !deletion.isFinished(single(seq)));
    if (isWhole) await run.delete(range, subjects);
    else
      for (const subject of subjects)
        if (!deletion.isFinished(single(subject.seq))) await run.delete(single(subject.seq), [subject], range);
  }
  const { blocked } = run;
  return blocked.length === 0 ? { done: true } : { done: true, blocked };
}

const single = (seq: number): RangeKey => ({ firstSeq: seq, lastSeq: seq, part: 0 });

/**
 * Ranges of a fixed number of `seq`s. They do not depend on the subjects that a call leaves out, so that a later call has
 * the same ones.
 */
async function* rangesOf(batch: Batch, model: readonly ObjectsModel[], size: number) {
  const numberOf = ({ seq }: Subject): number => Math.floor((seq - batch.firstSeq) / size);
  let subjects: Subject[] = [];
  const rangeOf = (subject: Subject): RangeKey => {
    const firstSeq = batch.firstSeq + numberOf(subject) * size;
    return { firstSeq, lastSeq: Math.min(firstSeq + size - 1, batch.lastSeq), part: 0 };
  };
  for await (const group of groups(subjectsOf(batch, model), size))
    for (const subject of group) {
      const [first] = subjects;
      if (first !== undefined && numberOf(first) !== numberOf(subject)) {
        yield { range: rangeOf(first), subjects };
        subjects = [];
      }
      subjects.push(subject);
    }
  const [first] = subjects;
  if (first !== undefined) yield { range: rangeOf(first), subjects };
}

function hasAny({ firstSeq, lastSeq }: RangeKey, seqs: ReadonlySet<number>): boolean {
  for (let seq = firstSeq; seq <= lastSeq; seq += 1) if (seqs.has(seq)) return true;
  return false;
}

/** Deletes the ranges of one call. A range with a subject that is blocked is reported subject by subject. */
class RangeDeletion {
  readonly blocked: BlockedSubject[] = [];
  readonly #model: readonly ObjectsModel[];
  readonly #session: Session;
  readonly #deletion: HardDeletion;
  readonly #activity: ConnectorContext;

  constructor(model: readonly ObjectsModel[], session: Session, deletion: HardDeletion, activity: ConnectorContext) {
    this.#model = model;
    this.#session = session;
    this.#deletion = deletion;
    this.#activity = activity;
  }

  /** `whole`: the range that the subject is a part of, which may have the ticket. */
  async delete(range: RangeKey, subjects: readonly Subject[], whole = range): Promise<void> {
    proceed(this.#activity);
    const able = subjects.filter(({ unknown }) => unknown === null);
    for (const { seq, unknown } of subjects)
      if (unknown !== null) this.blocked.push({ seq, table: unknown, constraint: 'identity_without_key' });
    const found = await search(this.#session, able, this.#activity);
    const before = this.#ticketOf(range, whole);
    const counted = addFound(able, found, before);
    if (before === null) await this.#deletion.keepTicket(range, writeTicket(counted));
    const refused = await this.#removeAll(found);
    for (const { places } of able) for (const place of places) await this.#session.prune(place);
    if (able.length === subjects.length && refused.size === 0) return this.#report(range, Array.from(counted.values()));
    for (const { seq } of able) await this.#reportSubject(seq, counted.get(seq) ?? new Map(), refused.get(seq));
  }

  /** The ticket of the range. A subject of which something is deleted already has its own. */
  #ticketOf(range: RangeKey, whole: RangeKey): Ticket | null {
    const last = (key: RangeKey) =>
      this.#deletion.tickets.findLast(({ range: own }) => own.firstSeq === key.firstSeq && own.lastSeq === key.lastSeq);
    const found = last(range) ?? (this.#deletion.isFinished({ ...range, part: 1 }) ? undefined : last(whole));
    return found === undefined ? null : readTicket(found.ticket);
  }

  /** Deletes up to 1 000 entries per call, of any subjects. Returns how many were refused, per subject. */
  async #removeAll(found: readonly Found[]): Promise<ReadonlyMap<number, Refusals>> {
    const refused = new Map<number, Refusals>();
    let pending = new Map<Entry, Found>();
    const removePending = async (): Promise<void> => {
      if (pending.size === 0) return;
      proceed(this.#activity);
      for (const { entry, reason } of await this.#session.remove([...pending.keys()])) {
        const { seq, place } = pending.get(entry) ?? {};
        if (seq === undefined || place === undefined) continue;
        const { reasons, left } = refused.get(seq) ?? {
          reasons: new Map<string, Refusal>(),
          left: new Map<string, number>(),
        };
        reasons.set(place.table, reason);
        left.set(place.table, (left.get(place.table) ?? 0) + 1);
        refused.set(seq, { reasons, left });
      }
      pending = new Map();
    };
    for (const each of found)
      for await (const page of each.entries === null ? this.#session.list(each.place) : [each.entries])
        for (const entry of page) {
          pending.set(entry, each);
          if (pending.size === PAGE_SIZE) await removePending();
        }
    await removePending();
    return refused;
  }

  /** What was deleted of a blocked subject is a part, so that the subject cannot be cancelled any more. */
  async #reportSubject(seq: number, counted: Figures, refusals: Refusals | undefined): Promise<void> {
    const range = single(seq);
    if (refusals === undefined) return this.#report(range, [counted]);
    for (const [table, reason] of refusals.reasons) this.blocked.push({ seq, table, constraint: reason });
    const removed = new Map(Array.from(counted, ([table, count]) => [table, count - (refusals.left.get(table) ?? 0)]));
    if ([...removed.values()].every((count) => count === 0)) return;
    let part = 1;
    while (this.#deletion.isFinished({ ...range, part })) part += 1;
    await this.#report({ ...range, part }, [removed]);
    await this.#deletion.keepTicket(range, writeTicket(new Map([[seq, refusals.left]])));
  }

  #report(range: RangeKey, figures: readonly Figures[]): Promise<void> {
    const tables = this.#model.map(({ name: table }) => {
      const removed = figures.reduce((sum, each) => sum + (each.get(table) ?? 0), 0);
      return { table, removed, retained: [] };
    });
    return this.#deletion.onRangeFinished({ ...range, tables, retained: [] });
  }
}

/** What could not be deleted of a subject, by the name of the objects. */
interface Refusals {
  readonly reasons: Map<string, Refusal>;
  readonly left: Map<string, number>;
}

/** What a range had before its first object was deleted. Objects that have come since count too. */
function addFound(subjects: readonly Subject[], found: readonly Found[], before: Ticket | null): Ticket {
  const now = new Map<number, Map<string, number>>();
  for (const { seq, place, count } of found) {
    const own = now.get(seq) ?? new Map<string, number>();
    now.set(seq, own.set(place.table, (own.get(place.table) ?? 0) + count));
  }
  return new Map(
    subjects.map(({ seq }) => {
      const counted = new Map(before?.get(seq));
      for (const [table, count] of now.get(seq) ?? []) counted.set(table, Math.max(count, counted.get(table) ?? 0));
      return [seq, counted];
    }),
  );
}
