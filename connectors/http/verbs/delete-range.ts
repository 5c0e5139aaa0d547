import { createApi } from '../calls/api.ts';
import type { Api } from '../calls/types.ts';
import type { RangeKey, TableFigures } from '../../../domain/batch.ts';
import { runCallback } from '../../callbacks.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import { type HttpError, runFunction } from '../failure.ts';
import type { Found } from '../results.ts';
import type { Person } from '../settings.ts';
import { type Deleting, type Lane, tableOf } from './context.ts';
import { type ErasedWork, toErasedWork, toAsked } from './erased.ts';
import { groupsOf, lookUp, type PeopleRange, requireSeq } from './people.ts';
import { keep, type RangeTickets } from './tickets.ts';

export type RangeOutcome =
  | { readonly state: 'finished'; readonly blocked: readonly number[]; readonly attestedAt?: number }
  | { readonly state: 'pending'; readonly askAt: number }
  | { readonly state: 'failed'; readonly error: HttpError };

/** Looks up, deletes, suppresses and finishes a range, or gives its work to the system. */
export async function deleteRange(
  deleting: Deleting,
  range: PeopleRange,
  tickets: RangeTickets,
): Promise<RangeOutcome> {
  const { deletion, kind, context } = deleting;
  const api = apiForRange(deleting, range.key, tickets.attempt, 'erase');
  const reading = apiForRange(deleting, range.key, tickets.attempt, 'read');
  const found = await lookUp(deleting, reading, range.people, range.kept);
  const people =
    context.settings.find === undefined ? range.people : range.people.filter(({ seq }) => found.of(seq).length > 0);
  const works: ErasedWork[] = [];
  for (const group of groupsOf(people, kind)) {
    const seq = kind.at === 'each' ? group[0]?.seq : undefined;
    if (seq !== undefined && tickets.finishedSeqs.includes(seq)) continue;
    const work = await eraseGroup(deleting, api, { key: range.key, group, found, tickets, seq });
    if (work.later !== null && seq !== undefined)
      await keep(deletion, range.key, {
        attempt: tickets.attempt,
        tickets: [...work.later.tickets],
        seq,
        askAt: deleting.now() + work.later.waitMs,
      });
    works.push(work);
  }
  const later = works.flatMap((work) => work.later ?? []);
  if (later.length > 0 || tickets.finishedSeqs.length > 0) {
    const askAt = deleting.now() + Math.max(0, ...later.map(({ waitMs }) => waitMs));
    const all = kind.at === 'each' ? [] : later.flatMap((each) => each.tickets);
    await keep(deletion, range.key, { attempt: tickets.attempt, tickets: all, askAt, whole: true });
    return { state: 'pending', askAt };
  }
  return finish(deleting, range, api, found, { works, requested: people.length });
}

interface Group {
  readonly key: RangeKey;
  readonly group: readonly Person[];
  readonly found: Found;
  readonly tickets: RangeTickets;
  readonly seq: number | undefined;
}

async function eraseGroup(
  deleting: Deleting,
  api: Api,
  { key, group, found, tickets, seq }: Group,
): Promise<ErasedWork> {
  const { deletion, about, activity, context } = deleting;
  activity.heartbeat();
  return runFunction(activity.signal, async () => {
    const early = [...tickets.early];
    const erased = await context.settings.erase(api, group, found.only(group.map((person) => person.seq)), {
      ...about,
      pass: deletion.pass,
      at: deletion.at,
      tickets: early,
      keep: (ticket) =>
        runCallback(() =>
          keep(deletion, key, { attempt: tickets.attempt, tickets: [ticket], ...(seq === undefined ? {} : { seq }) }),
        ),
    });
    return toErasedWork(erased);
  });
}

/** Asks for every ticket of a range, and finishes the range when all are done. */
export async function askForRange(
  deleting: Deleting,
  range: PeopleRange,
  tickets: RangeTickets,
): Promise<RangeOutcome> {
  const { deletion, about, activity, context } = deleting;
  const askAt = tickets.askAt ?? 0;
  if (askAt > deleting.now()) return { state: 'pending', askAt };
  const api = apiForRange(deleting, range.key, tickets.attempt, 'read');
  let [waitMs, attestedAt] = [0, 0];
  let removed: number | null = 0;
  for (const ticket of tickets.all) {
    activity.heartbeat();
    const asked = await runFunction(activity.signal, async () =>
      toAsked(await context.settings.ask?.(api, ticket, about)),
    );
    if (asked.state === 'failed') {
      await keep(deletion, range.key, { attempt: tickets.attempt, tickets: [], failed: true });
      return { state: 'failed', error: asked.error };
    }
    if (asked.state === 'pending') waitMs = Math.max(waitMs, asked.waitMs, 1);
    else {
      removed = asked.removed === null || removed === null ? null : removed + asked.removed;
      attestedAt = Math.max(attestedAt, asked.at?.getTime() ?? deleting.now());
    }
  }
  if (waitMs > 0) return { state: 'pending', askAt: deleting.now() + waitMs };
  const { people, kept } = range;
  const requested =
    context.settings.find === undefined ? people.length : people.filter(({ seq }) => kept.of(seq).length > 0).length;
  const work: ErasedWork = { later: null, removed: removed === null ? null : { '': removed }, blocked: [] };
  const erasing = apiForRange(deleting, range.key, tickets.attempt, 'erase');
  const outcome = await finish(deleting, range, erasing, kept, { works: [work], requested });
  return outcome.state === 'finished' ? { ...outcome, attestedAt } : outcome;
}

interface Result {
  readonly works: readonly ErasedWork[];
  /** The people that the system was asked to delete. */
  readonly requested: number;
}

/**
 * A range with blocked subjects is reported as a part, and stays open: a later call of the pass tries all of it again,
 * which changes nothing for the others.
 */
async function finish(
  deleting: Deleting,
  range: PeopleRange,
  api: Api,
  found: Found,
  result: Result,
): Promise<RangeOutcome> {
  const { deletion, about, activity, context, kind } = deleting;
  const { suppress } = context.settings;
  if (deletion.suppress && deletion.scope === 'data' && suppress !== undefined)
    for (const group of groupsOf(range.people, kind))
      await runFunction(activity.signal, () =>
        suppress(api, group, found.only(group.map(({ seq }) => seq)), { ...about, suppressed: true }),
      );
  const blocked = result.works.flatMap((work) => work.blocked.map((seq) => requireSeq(seq, range.people)));
  let part = 0;
  if (blocked.length > 0) for (part = 1; deletion.isFinished({ ...range.key, part }); part += 1);
  await deletion.onRangeFinished({
    ...range.key,
    part,
    tables: figuresOf(tableOf(kind), deletion.scope, result),
    retained: [],
  });
  activity.heartbeat();
  return { state: 'finished', blocked };
}

/** Without figures of the system, the number of people that it was asked to delete stands in the receipt. */
function figuresOf(table: string, scope: Scope, { works, requested }: Result): TableFigures[] {
  if (works.some(({ removed }) => removed === null)) return [{ table, removed: null, requested, retained: [] }];
  const sums = new Map<string, number>([[table, 0]]);
  for (const { removed } of works)
    for (const [name, rows] of Object.entries(removed ?? {})) {
      const key = name === '' ? table : name;
      sums.set(key, (sums.get(key) ?? 0) + rows);
    }
  return [...sums].map(([name, rows]) => ({
    table: name,
    // A part deletion keeps every row.
    ...(scope === 'data' ? { removed: rows } : { removed: 0, blanked: rows }),
    retained: [],
  }));
}

const apiForRange = ({ context, activity, deletion }: Deleting, key: RangeKey, attempt: number, lane: Lane): Api =>
  createApi(context.api, {
    context: activity,
    lane,
    keyOf: (call) => deletion.idempotencyKey(key, `${attempt} ${lane} ${call}`),
  });
