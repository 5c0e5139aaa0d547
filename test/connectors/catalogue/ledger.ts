import {
  type Batch,
  type Connector,
  type ConnectorContext,
  ConnectorError,
  type Deletion,
  type HardDeletion,
  type Lanes,
  type RangeKey,
  type Verification,
} from '../../../connectors/connector.ts';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import { limiter, type Limiter } from '../../support/servers/stand-ins/server/limits.ts';
import type { TestClock } from '../../support/servers/stand-ins/server/clock.ts';
import { requestId } from '../calls.ts';

/** Thrown where the worker is killed. */
export class Killed extends Error {}

/** What Lethe keeps of one request, and the worker's side of its calls. Waiting advances the clock of the stand-in. */
export class TestLedger {
  readonly ranges: FinishedRange[] = [];
  readonly tickets: {
    readonly pass: number;
    readonly range: RangeKey;
    readonly ticket: string;
    readonly keptAt: Date;
  }[] = [];
  readonly foreignIds = new Map<number, readonly string[]>();
  readonly postponed: { readonly lane: string | undefined; readonly until: Date }[] = [];
  readonly request = requestId();
  /** Kills the worker after this many writes to the ledger. */
  killAfter = Number.POSITIVE_INFINITY;
  #writes = 0;
  readonly #clock: TestClock;
  readonly #lanes = new Map<string, Limiter>();
  readonly #declared: Lanes;

  constructor(clock: TestClock, declared: Lanes = {}) {
    this.#clock = clock;
    this.#declared = declared;
  }

  get writes(): number {
    return this.#writes;
  }

  #write(): void {
    this.#writes += 1;
    if (this.#writes === this.killAfter) throw new Killed('the worker was killed');
  }

  context(signal = new AbortController().signal): ConnectorContext {
    return {
      signal,
      heartbeat: () => {},
      waitForSlot: async (lane = '') => {
        const windows = this.#declared[lane];
        if (windows === undefined) return;
        const limit = this.#lanes.get(lane) ?? limiter(this.#clock, windows);
        this.#lanes.set(lane, limit);
        for (let wait = limit.admit(); wait !== null; wait = limit.admit()) this.#clock.advance(Math.ceil(wait));
      },
      postponeLane: async (lane, until) => void this.postponed.push({ lane, until }),
      keepForeignIds: async (found) => {
        for (const { seq, ids } of found) this.foreignIds.set(seq, ids);
        this.#write();
      },
    };
  }

  batch(subjects: readonly (readonly Identity[])[], kind: SubjectKind = 'user'): Batch {
    const rows = subjects.flatMap((subject, index) => subject.map((identity) => ({ seq: index + 1, identity })));
    const kept = (): { seq: number; id: string }[] =>
      [...this.foreignIds].toSorted(([a], [b]) => a - b).flatMap(([seq, ids]) => ids.map((id) => ({ seq, id })));
    return {
      requestId: this.request,
      kind,
      batch: 'b1',
      firstSeq: 1,
      lastSeq: Math.max(1, subjects.length),
      size: subjects.length,
      identities: async function* () {
        yield rows;
      },
      foreignIds: async function* () {
        yield kept();
      },
    };
  }

  deletion(pass: number, suppress = false): HardDeletion {
    const same = (a: RangeKey, b: RangeKey): boolean => keyOf(a) === keyOf(b);
    return {
      scope: 'data',
      pass,
      suppress,
      at: new Date(this.#clock.now()),
      isFinished: (range) => this.ranges.some((each) => same(each, range)),
      tickets: this.tickets.filter((each) => each.pass === pass),
      keepTicket: async (range, ticket) => {
        this.tickets.push({ pass, range, ticket, keptAt: new Date(this.#clock.now()) });
        this.#write();
      },
      idempotencyKey: (range, call) => `${pass}-${keyOf(range)}-${call}`,
      onRangeFinished: async (range) => {
        this.ranges.push(range);
        this.#write();
      },
    };
  }

  /** Calls until the deletion is done. An attempt that a retry can repair is repeated, as Temporal does. */
  async delete(connector: Connector, batch: Batch, { pass = 1, suppress = false } = {}): Promise<Deletion> {
    if (pass > 1) this.ranges.splice(0);
    for (let attempt = 0; attempt < 200; attempt += 1) {
      try {
        const result = await connector.hardDelete(batch, this.deletion(pass, suppress), this.context());
        if ('done' in result) return result;
        this.#clock.advance(Math.max(1, result.continueAt.getTime() - this.#clock.now()));
      } catch (error) {
        const isRepaired = error instanceof Killed || (error instanceof ConnectorError && error.retryable);
        if (!isRepaired) throw error;
        this.#clock.advance(1000);
      }
    }
    throw new Error('the deletion has no end');
  }

  async verify(connector: Connector, batch: Batch): Promise<Verification> {
    if (connector.verify === undefined) throw new Error('this connector cannot verify');
    return connector.verify(batch, 'data', this.context());
  }
}

const keyOf = ({ firstSeq, lastSeq, part }: RangeKey): string => `${firstSeq}-${lastSeq}-${part}`;
