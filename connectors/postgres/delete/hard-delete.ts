import type { Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import { type Chunks, deleteChunk } from './chunk.ts';
import { type Context, pace, withBatch } from '../context.ts';
import { STATEMENT_TIMEOUT, codeOf, throwIfCancelled, runCallback } from '../failure.ts';
import { deleteLargeSubjectPart } from './large-subject.ts';
import { takeDeleteLock } from './delete-lock.ts';
import { deletionOrder } from '../data-map/order.ts';
import { throttle } from './throttle.ts';
import { type Counts, type Logged, type Unit, finishedRange, readLog } from './range-log.ts';
import { type Range, memberRanges } from './ranges.ts';
import { isConflict, retry } from '../session.ts';
import { suppress } from '../visibility/suppression.ts';

/** Irreversible. Ranges are fixed before the work, each is its own commit, and what the log has is told, not done again. */
export async function hardDelete(
  context: Context,
  batch: Batch,
  deletion: HardDeletion,
  work: ConnectorContext,
): Promise<Deletion> {
  return withBatch(context, batch, work, async (loaded) => {
    await takeDeleteLock(loaded.session, work);
    if (deletion.suppress && deletion.scope === 'data') await suppress(loaded);
    const order = deletionOrder(loaded.model, loaded.catalog).targets;
    const { scope, pass } = deletion;
    const run = new Run({ context, loaded, order, scope, pass }, deletion, work);
    await run.resume();
    for (const range of await memberRanges(loaded.session, loaded.members, loaded.subjectsPerCommit))
      await run.range(range);
    return { done: true };
  });
}

class Run {
  readonly #chunks: Chunks;
  readonly #deletion: HardDeletion;
  readonly #work: ConnectorContext;
  #log: readonly Logged[] = [];

  constructor(chunks: Chunks, deletion: HardDeletion, work: ConnectorContext) {
    this.#chunks = chunks;
    this.#deletion = deletion;
    this.#work = work;
  }

  async resume(): Promise<void> {
    const { session, members } = this.#chunks.loaded;
    this.#log = await readLog(session, members, this.#deletion.pass);
  }

  /** A range that the log has in pieces was halved or cut before, and goes on in the same pieces. */
  async range(range: Range): Promise<void> {
    throwIfCancelled(this.#work.signal);
    this.#work.heartbeat();
    const within = this.#log.filter(({ first, last }) => first >= range.first && last <= range.last);
    const whole = within.find(
      (logged) => logged.first === range.first && logged.last === range.last && logged.part === 0,
    );
    if (whole !== undefined) {
      for (const logged of within) await this.#finished(logged, logged.counts);
      return;
    }
    if (within.length > 0) return this.#smaller(range);
    try {
      await this.#commit({ ...range, part: 0 }, (unit) => deleteChunk(this.#chunks, unit));
    } catch (error) {
      if (codeOf(error) !== STATEMENT_TIMEOUT) throw error;
      await this.#smaller(range);
    }
  }

  async #smaller(range: Range): Promise<void> {
    if (range.first === range.last) return this.#largeSubject(range);
    const middle = Math.floor((range.first + range.last) / 2);
    await this.range({ first: range.first, last: middle });
    await this.range({ first: middle + 1, last: range.last });
  }

  async #largeSubject(range: Range): Promise<void> {
    const parts = this.#log.filter(({ first, last, part }) => first === range.first && last === range.last && part > 0);
    for (const logged of parts) await this.#finished(logged, logged.counts);
    let rows = this.#chunks.context.server.tuning.rowsPerPart;
    for (let part = parts.length + 1, more = true; more;) {
      try {
        await this.#commit({ ...range, part }, async (unit) => {
          const done = await deleteLargeSubjectPart(this.#chunks, unit, rows);
          more = done.more;
          return done.counts;
        });
        part += 1;
      } catch (error) {
        if (codeOf(error) !== STATEMENT_TIMEOUT || rows <= 1) throw error;
        rows = Math.ceil(rows / 2);
      }
    }
    await this.#commit({ ...range, part: 0 }, (unit) => deleteChunk(this.#chunks, unit));
  }

  async #commit(unit: Unit, deletion: (unit: Unit) => Promise<Counts>): Promise<void> {
    throwIfCancelled(this.#work.signal);
    const { tuning } = this.#chunks.context.server;
    const began = performance.now();
    const counts = await retry(tuning, isConflict, () => deletion(unit));
    const worked = performance.now() - began;
    await this.#finished(unit, counts);
    await throttle(worked, pace(this.#chunks.context.settings).share, this.#work);
  }

  #finished(unit: Unit, counts: Counts): Promise<void> {
    return runCallback(() => this.#deletion.onRangeFinished(finishedRange(unit, counts)));
  }
}
