import type { Batch, Connector, ConnectorContext, Deletion, HardDeletion } from '../../connectors/connector.ts';
import type { FinishedRange, RangeKey, RangeTicket } from '../../domain/batch.ts';
import { deletion, testContext } from './calls.ts';

/** One pass over a batch, as Lethe runs it: what an attempt has done is given to the next one. */
export interface Pass {
  /** The batch, with the foreign ids that were kept in this pass. */
  readonly batch: Batch;
  /** Every report of a finished range, also a repeated one. */
  readonly ranges: FinishedRange[];
  /** The tickets of unfinished ranges. */
  readonly tickets: RangeTicket[];
  /** The idempotency keys of all attempts, in the order in which they were asked for. */
  readonly keys: string[];
  attempt(): HardDeletion;
  /** Later attempts start at this time. */
  waitUntil(at: Date): void;
  context(signal?: AbortSignal): ConnectorContext;
}

const nameOf = ({ firstSeq, lastSeq, part }: RangeKey): string => `${firstSeq} ${lastSeq} ${part}`;

export function startPass(of: Batch, options: Partial<HardDeletion> = {}): Pass {
  const foreignIds = new Map<number, readonly string[]>();
  const [ranges, tickets, keys]: [FinishedRange[], RangeTicket[], string[]] = [[], [], []];
  const excepted = new Set(of.except);
  let { at } = deletion(options);
  return {
    waitUntil: (later) => void (at = later > at ? later : at),
    ranges,
    tickets,
    keys,
    batch: {
      ...of,
      async *foreignIds() {
        const found = [...foreignIds].toSorted(([one], [other]) => one - other);
        yield found.flatMap(([seq, ids]) => (excepted.has(seq) ? [] : ids.map((id) => ({ seq, id }))));
      },
    },
    attempt() {
      const finished = new Set(ranges.map(nameOf));
      return {
        ...deletion({ ...options, at }),
        isFinished: (range) => finished.has(nameOf(range)),
        tickets: [...tickets],
        keepTicket: async (range, ticket) => void tickets.push({ range, ticket, keptAt: new Date() }),
        idempotencyKey(range, call) {
          const key = [of.requestId, nameOf(range), ...excepted, call].join(' ');
          keys.push(key);
          return key;
        },
        async onRangeFinished(range) {
          ranges.push(range);
          const left = tickets.filter((kept) => nameOf(kept.range) !== nameOf(range));
          tickets.splice(0, tickets.length, ...left);
        },
      };
    },
    context: (signal) => ({
      ...testContext(signal),
      async keepForeignIds(found) {
        for (const { seq, ids } of found) foreignIds.set(seq, ids);
      },
    }),
  };
}

/** Calls the connector until the pass is done. `settle` lets the system finish what it has accepted. */
export async function runToEnd(
  connector: Connector,
  pass: Pass,
  settle: () => Promise<void> = async () => {},
): Promise<Extract<Deletion, { readonly done: true }>> {
  for (let calls = 0; calls < 100; calls++) {
    const result = await connector.hardDelete(pass.batch, pass.attempt(), pass.context());
    if ('done' in result) return result;
    pass.waitUntil(result.continueAt);
    await settle();
  }
  throw new Error('the deletion does not end');
}
