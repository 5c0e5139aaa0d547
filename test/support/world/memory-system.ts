import type { Identity } from '../../../domain/identity.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/calendar.ts';
import {
  type Batch,
  type Connector,
  type ConnectorContext,
  type ConnectorDefinition,
  ConnectorError,
  type Description,
  type HardDeletion,
  type RangeKey,
} from '../../../connectors/connector.ts';

/**
 * A system in memory that answers like one behind an HTTP API: it knows people by ids of its own, and either deletes one
 * person a call (`people`), or accepts a list and deletes it later (`tasks`), of which it reports no figures.
 */
export interface MemorySystem {
  readonly definition: ConnectorDefinition;
  /** The people by the system's own id. */
  readonly people: Map<string, { readonly userId: string; hidden: boolean; rows: number }>;
  /** Every call that the system received and its arguments, in order. */
  readonly calls: string[];
  /** The tasks that it has accepted. */
  readonly tasks: Map<string, { readonly ids: readonly string[]; isDone: boolean }>;
  /** Finishes every accepted task. */
  settle(): void;
  /** Loses the connection at the call after `calls` more: before the work is done, or without an answer after it. */
  failCall(calls: number, when: 'before' | 'after'): { wasReached(): boolean };
}

export interface MemoryOptions {
  readonly deletes: 'people' | 'tasks';
  readonly batchSize?: number;
  /** With `tasks`: the system says when a task is done. Otherwise what it accepts is deleted unseen. */
  readonly attests?: boolean;
  /** Whether people who are being deleted are still found until the system settles. */
  readonly lags?: boolean;
  readonly description?: Partial<Description>;
  /** How often the system is asked before it has acted. Without it, only `settle` makes it act. */
  readonly actsAfter?: number;
  /** How long the system asks to be left alone. */
  readonly waitMs?: number;
}

/** Creates the system with these people, each with three rows. */
export function memorySystem(userIds: readonly string[], options: MemoryOptions): MemorySystem {
  const people: MemorySystem['people'] = new Map(
    userIds.map((userId, index) => [`foreign-${index + 1}`, { userId, hidden: false, rows: 3 }]),
  );
  const [calls, tasks, taskOfKey]: [string[], MemorySystem['tasks'], Map<string, string>] = [[], new Map(), new Map()];
  const leaving = new Set<string>();
  let failure: { left: number; when: 'before' | 'after'; reached: boolean } | null = null;
  const { deletes, batchSize = 2, attests = false, lags = false, waitMs = HOUR_MS } = options;
  const isReading = deletes === 'people';
  let [clock, asked] = [0, 0];
  /** When Lethe may ask again. The system acts in time, if it acts at all without `settle`. */
  const later = (): Date => {
    asked += 1;
    if (asked === options.actsAfter) settle();
    clock += waitMs;
    return new Date(clock);
  };

  function settle(): void {
    for (const task of tasks.values()) {
      task.isDone = true;
      for (const id of task.ids) people.delete(id);
    }
    for (const id of leaving) people.delete(id);
    leaving.clear();
  }

  /** One call over the network. */
  async function call<Result>(name: string, args: readonly string[], work: () => Result): Promise<Result> {
    calls.push([name, ...args].join(' '));
    const fails = failure !== null && failure.left === 0 ? failure : null;
    if (failure !== null) failure.left -= 1;
    if (fails !== null) fails.reached = true;
    if (fails?.when === 'before') throw lost();
    const result = work();
    if (fails?.when === 'after') throw lost();
    return result;
  }

  const lookUp = (userIds: readonly string[]) =>
    call('find', userIds, () => [...people].filter(([, person]) => userIds.includes(person.userId)));

  /** The system's ids of some subjects, looked up once per batch. */
  async function idsOf(batch: Batch, members: readonly Member[], context: ConnectorContext): Promise<Found> {
    const kept = new Map<number, string[]>();
    for await (const page of batch.foreignIds())
      for (const { seq, id } of page) kept.set(seq, [...(kept.get(seq) ?? []), id]);
    const missing = members.filter(({ seq }) => !kept.has(seq));
    if (missing.length > 0) {
      const found = await lookUp(missing.map(({ userId }) => userId));
      const ids = missing.map(({ seq, userId }) => ({
        seq,
        ids: found.flatMap(([id, person]) => (person.userId === userId ? [id] : [])),
      }));
      await context.keepForeignIds(ids);
      for (const { seq, ids: own } of ids) kept.set(seq, own);
    }
    return kept;
  }

  async function hardDelete(batch: Batch, deletion: HardDeletion, context: ConnectorContext) {
    let attestedAt: Date | null = null;
    let isWaiting = false;
    clock = deletion.at.getTime();
    for (const { range, members } of await rangesOf(batch, batchSize)) {
      context.signal.throwIfAborted();
      if (deletion.isFinished(range)) continue;
      const tickets = deletion.tickets.filter((kept) => kept.range.firstSeq === range.firstSeq);
      if (tickets.length === 0) {
        const found = await idsOf(batch, members, context);
        const ids = members.flatMap(({ seq }) => found.get(seq) ?? []);
        await context.waitForSlot('erase');
        if (deletes === 'people') {
          const removed = await removePeople(ids);
          await deletion.onRangeFinished(finished(range, { removed }));
          continue;
        }
        const ticket = await submitTask(ids, deletion.idempotencyKey(range, 'erase'));
        if (attests) await deletion.keepTicket(range, ticket);
        else await deletion.onRangeFinished(finished(range, { removed: null, requested: ids.length }));
        isWaiting ||= attests;
        continue;
      }
      for (const { ticket } of tickets) {
        const task = await call('ask', [ticket], () => tasks.get(ticket));
        if (task?.isDone !== true) isWaiting = true;
        else {
          attestedAt = deletion.at;
          await deletion.onRangeFinished(finished(range, { removed: null, requested: task.ids.length }));
        }
      }
    }
    if (isWaiting) return { continueAt: later() };
    return { done: true, ...(attestedAt === null ? {} : { attestedAt }) } as const;
  }

  /** One call a person. Calls that were answered by "not found" are no failure. */
  async function removePeople(ids: readonly string[]): Promise<number> {
    let removed = 0;
    for (const id of ids) {
      const rows = people.get(id)?.rows ?? 0;
      await call('remove', [id], () => void (lags ? leaving.add(id) : people.delete(id)));
      removed += rows;
    }
    return removed;
  }

  const submitTask = (ids: readonly string[], key: string): Promise<string> =>
    call('submit', ids, () => {
      const ticket = taskOfKey.get(key) ?? `task-${tasks.size + 1}`;
      taskOfKey.set(key, ticket);
      if (!tasks.has(ticket)) tasks.set(ticket, { ids, isDone: false });
      return ticket;
    });

  const connector: Connector = {
    inspect: async () => [],
    hardDelete,
    ...(isReading && {
      async count(batch, _scope, { signal }) {
        signal.throwIfAborted();
        const members = (await rangesOf(batch, batchSize)).flatMap((range) => range.members);
        const found = await lookUp(members.map(({ userId }) => userId));
        const rows = found.reduce((total, [, person]) => total + person.rows, 0);
        const presentSeqs = members.filter(({ userId }) => found.some(([, person]) => person.userId === userId));
        return { tables: { people: rows }, presentSeqs: presentSeqs.map(({ seq }) => seq) };
      },
      async verify(batch, _scope, { signal }) {
        signal.throwIfAborted();
        const members = (await rangesOf(batch, batchSize)).flatMap((range) => range.members);
        const found = await lookUp(members.map(({ userId }) => userId));
        if (found.some(([id]) => leaving.has(id))) return { verifyAgainAt: later() };
        const survivors = found.reduce((total, [, person]) => total + person.rows, 0);
        return { survivors, tables: { people: survivors } };
      },
      async setVisibility(batch, { hidden }, context) {
        const members = (await rangesOf(batch, batchSize)).flatMap((range) => range.members);
        for (const id of [...(await idsOf(batch, members, context)).values()].flat())
          await call(hidden ? 'hide' : 'show', [id], () => {
            const person = people.get(id);
            if (person !== undefined) person.hidden = hidden;
          });
      },
    }),
    close: async () => {},
  };
  const description: Description = {
    kinds: ['user'],
    identityTypes: { user: { user_id: { comparison: 'exact', parts: 1 } } },
    actions: {
      resolve: false,
      hide: isReading,
      restore: isReading,
      segments: false,
      export: false,
      count: isReading,
      suppress: false,
      scopes: ['data'],
    },
    limits: { batchSize },
    verification: isReading ? 'reads' : attests ? 'attested' : 'none',
    completesWithinMs: DAY_MS,
    dataMapHash: 'memory',
    ...options.description,
  };
  return {
    definition: { describe: () => description, validate: () => [], open: () => connector },
    people,
    calls,
    tasks,
    settle,
    failCall(left, when) {
      const injected = { left, when, reached: false };
      failure = injected;
      return { wasReached: () => injected.reached };
    },
  };
}

const lost = (): ConnectorError => new ConnectorError('unavailable', 'connection lost', { retryable: true });

type Member = { readonly seq: number; readonly userId: string };
type Found = ReadonlyMap<number, readonly string[]>;

/** The ranges of a batch, which are the same in every call, with the subjects that the call does not leave out. */
async function rangesOf(batch: Batch, size: number) {
  const members: Member[] = [];
  for await (const page of batch.identities()) members.push(...page.flatMap(memberOf));
  const ranges: { readonly range: RangeKey; readonly members: readonly Member[] }[] = [];
  for (let firstSeq = batch.firstSeq; firstSeq <= batch.lastSeq; firstSeq += size) {
    const lastSeq = Math.min(firstSeq + size - 1, batch.lastSeq);
    const own = members.filter(({ seq }) => seq >= firstSeq && seq <= lastSeq);
    if (own.length > 0) ranges.push({ range: { firstSeq, lastSeq, part: 0 }, members: own });
  }
  return ranges;
}

const memberOf = ({ seq, identity }: { readonly seq: number; readonly identity: Identity }): Member[] =>
  identity.type === 'user_id' ? [{ seq, userId: identity.value[0] ?? '' }] : [];

const finished = (range: RangeKey, figures: { readonly removed: number | null; readonly requested?: number }) => ({
  ...range,
  tables: [{ table: 'people', retained: [], ...figures }],
  retained: [],
});
