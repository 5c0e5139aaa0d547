import type { Obstacle } from '../../domain/batch.ts';
import { runCallback, throwIfCancelled } from '../callbacks.ts';
import type { BlockedSubject, ConnectorContext, HardDeletion } from '../connector.ts';
import { type RetryTuning, retry } from '../retry.ts';
import { throttle } from '../throttle.ts';
import { type Counts, type LoggedUnit, type Unit, finishedRange } from './counts.ts';
import { type MemberRange, type Range, halve } from './ranges.ts';

/** How a database deletes a range. */
export interface RangeWork {
  readonly tuning: RetryTuning & { readonly rowsPerPart: number };
  /** The fraction of time spent deleting. */
  readonly share: number;
  /** Everything that earlier attempts of this pass have committed. */
  readLog(): Promise<readonly LoggedUnit[]>;
  /** Deletes a range in one transaction. `hasParts`: other transactions of this pass have deleted parts of it. */
  deleteChunk(unit: Unit, hasParts: boolean): Promise<Counts>;
  /** Deletes at most `rows` rows of a subject in one transaction. `more`: another part can be needed. */
  deletePart(unit: Unit, rows: number): Promise<{ readonly counts: Counts; readonly more: boolean }>;
  /** Adds a suppression for every identity of the range. */
  suppress(range: Range): Promise<void>;
  /** Conflicts that end when another transaction ends. */
  isLockConflict(error: unknown): boolean;
  /** These conflicts, or a reference from a row that another transaction may be about to delete. */
  isConflict(error: unknown): boolean;
  isStatementTimeout(error: unknown): boolean;
  /** The obstacle when the rows of a subject cause the error. Undefined for every other error. */
  obstacleOf(error: unknown): Promise<Obstacle | undefined> | Obstacle | undefined;
}

/** Locked or slow subjects after which the whole call fails, because a table may be locked rather than one subject. */
const MAX_POSTPONED = 3;

/**
 * Deletes the ranges of one call. A range that is too slow, or contains rows that cannot be deleted, is halved until the
 * subject that causes it is alone. That costs a number of commits that grows with the logarithm of the range.
 */
export class RangeDeletion {
  readonly #work: RangeWork;
  readonly #deletion: HardDeletion & { readonly except: ReadonlySet<number> };
  readonly #activity: ConnectorContext;
  #log: readonly LoggedUnit[] = [];
  readonly #blocked: BlockedSubject[] = [];
  /** The errors of subjects that another transaction locks, or that are too slow even row by row. */
  readonly #postponed: unknown[] = [];

  constructor(
    work: RangeWork,
    deletion: HardDeletion & { readonly except: ReadonlySet<number> },
    activity: ConnectorContext,
  ) {
    this.#work = work;
    this.#deletion = deletion;
    this.#activity = activity;
  }

  async readLog(): Promise<void> {
    this.#log = await this.#work.readLog();
  }

  /** Returns the blocked subjects. Throws if others were postponed, so that the call is repeated. */
  end(): readonly BlockedSubject[] {
    if (this.#postponed.length > 0) throw this.#postponed[0];
    return this.#blocked;
  }

  /** Continues a range that an earlier attempt split with the same parts. `retries`: of conflicts. */
  async delete(range: MemberRange, retries = this.#work.tuning.retries): Promise<void> {
    throwIfCancelled(this.#activity.signal);
    this.#activity.heartbeat();
    const logged = this.#log.filter(({ first, last }) => first >= range.first && last <= range.last);
    if (logged.some(({ first, last, part }) => first === range.first && last === range.last && part === 0)) {
      if (!this.#isReported({ ...range, part: 0 })) await this.#suppress(range);
      for (const unit of logged) if (!this.#isReported(unit)) await this.#report(unit, unit.counts);
      return;
    }
    const leftOut = range.seqs.filter((seq) => this.#deletion.except.has(seq)).length;
    if (leftOut === range.seqs.length) return;
    // The log row of a range says that every subject in it is deleted.
    if (leftOut > 0) return this.#deleteHalves(range, retries);
    if (logged.length > 0) return range.seqs.length > 1 ? this.#deleteHalves(range, 0) : this.#deleteByRows(range);
    const failure = await this.#commit({ ...range, part: 0 }, (unit) => this.#work.deleteChunk(unit, false), retries);
    if (failure === null) return;
    // Conflicts were retried for the whole range already.
    if (range.seqs.length > 1) await this.#deleteHalves(range, failure.isSlow ? retries : 0);
    else if (failure.isSlow) await this.#deleteByRows(range);
    else this.#giveUp(range, failure);
  }

  async #deleteHalves(range: MemberRange, retries: number): Promise<void> {
    for (const half of halve(range)) await this.delete(half, half.seqs.length === 1 ? Math.max(1, retries) : retries);
  }

  /** Deletes a subject that is too large for one commit in parts, then what is left of it. */
  async #deleteByRows(range: MemberRange): Promise<void> {
    const parts = this.#log.filter(({ first, last, part }) => first === range.first && last === range.last && part > 0);
    for (const unit of parts) if (!this.#isReported(unit)) await this.#report(unit, unit.counts);
    const { tuning } = this.#work;
    let rows = tuning.rowsPerPart;
    for (let part = parts.length + 1, more = true; more;) {
      const failure = await this.#commit(
        { ...range, part },
        async (unit) => {
          const result = await this.#work.deletePart(unit, rows);
          more = result.more;
          return result.counts;
        },
        tuning.retries,
      );
      if (failure === null) part += 1;
      else if (failure.isSlow && rows > 1) rows = Math.ceil(rows / 2);
      else return this.#giveUp(range, failure);
    }
    const failure = await this.#commit(
      { ...range, part: 0 },
      (unit) => this.#work.deleteChunk(unit, true),
      tuning.retries,
    );
    if (failure !== null) this.#giveUp(range, failure);
  }

  /** Continues with the other subjects. */
  #giveUp({ first: seq }: MemberRange, { error, obstacle }: Failure): void {
    if (obstacle !== undefined) this.#blocked.push({ seq, ...obstacle });
    else if (this.#postponed.push(error) > MAX_POSTPONED) throw error;
  }

  /** Returns null, or the failure of a range that can be divided. Throws every other error. */
  async #commit(unit: Unit, deletion: (unit: Unit) => Promise<Counts>, retries: number): Promise<Failure | null> {
    throwIfCancelled(this.#activity.signal);
    const { tuning, share } = this.#work;
    const startedAt = performance.now();
    let counts: Counts;
    try {
      counts = await retry({ ...tuning, retries: Math.min(retries, tuning.retries) }, this.#work.isConflict, () =>
        deletion(unit),
      );
    } catch (error) {
      const obstacle = await this.#work.obstacleOf(error);
      const failure = { error, obstacle, isSlow: this.#work.isStatementTimeout(error) };
      if (failure.obstacle === undefined && !failure.isSlow && !this.#work.isLockConflict(error)) throw error;
      await throttle(performance.now() - startedAt, share, this.#activity);
      return failure;
    }
    if (unit.part === 0) await this.#suppress(unit);
    const workedMs = performance.now() - startedAt;
    await this.#report(unit, counts);
    await throttle(workedMs, share, this.#activity);
    return null;
  }

  /** Only after the deletion, because a blocked subject can still be cancelled. */
  async #suppress(range: Range): Promise<void> {
    if (this.#deletion.suppress && this.#deletion.scope === 'data') await this.#work.suppress(range);
  }

  /** The database's own log decides what is deleted, because it commits with the rows. Lethe's only lags behind it. */
  #isReported({ first: firstSeq, last: lastSeq, part }: Unit): boolean {
    return this.#deletion.isFinished({ firstSeq, lastSeq, part });
  }

  #report(unit: Unit, counts: Counts): Promise<void> {
    return runCallback(() => this.#deletion.onRangeFinished(finishedRange(unit, counts)));
  }
}

interface Failure {
  readonly error: unknown;
  readonly obstacle: Obstacle | undefined;
  readonly isSlow: boolean;
}
