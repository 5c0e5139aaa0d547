import type { Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import { deleteChunk } from '../chunks/chunk.ts';
import type { Chunks } from '../chunks/chunks.ts';
import { type Context, paceOf, withBatch } from '../context.ts';
import { STATEMENT_TIMEOUT, codeOf, throwIfCancelled, runCallback } from '../failure.ts';
import { deleteLargeSubjectPart } from '../chunks/large-subject.ts';
import { takeDeleteLock } from './delete-lock.ts';
import { deletionPlan } from '../rows/deletion-plan.ts';
import { throttle } from './throttle.ts';
import { type Counts, type LoggedUnit, type Unit, finishedRange, readRangeLog } from './range-log.ts';
import { type Range, memberRanges } from './ranges.ts';
import { isConflict, retry } from '../session.ts';
import { suppress } from '../visibility/suppression.ts';

/** Irreversible. Ranges are fixed in advance. Each is one commit; a range in the log is reported and not repeated. */
export async function hardDelete(
  context: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  return withBatch(context, batch, activity, async (loaded) => {
    await takeDeleteLock(loaded.session, activity);
    if (deletion.suppress && deletion.scope === 'data') await suppress(loaded);
    const { steps } = deletionPlan(loaded.model, loaded.catalog);
    const { scope, pass } = deletion;
    const ranges = new RangeDeletion({ context, loaded, steps, scope, pass }, deletion, activity);
    await ranges.readLog();
    for (const range of await memberRanges(loaded.session, loaded.members, loaded.subjectsPerCommit))
      await ranges.delete(range);
    return { done: true };
  });
}

class RangeDeletion {
  readonly #chunks: Chunks;
  readonly #deletion: HardDeletion;
  readonly #activity: ConnectorContext;
  #log: readonly LoggedUnit[] = [];

  constructor(chunks: Chunks, deletion: HardDeletion, activity: ConnectorContext) {
    this.#chunks = chunks;
    this.#deletion = deletion;
    this.#activity = activity;
  }

  async readLog(): Promise<void> {
    const { session, members } = this.#chunks.loaded;
    this.#log = await readRangeLog(session, members, this.#deletion.pass);
  }

  /** Continues a range that an earlier attempt split with the same parts. */
  async delete(range: Range): Promise<void> {
    throwIfCancelled(this.#activity.signal);
    this.#activity.heartbeat();
    const logged = this.#log.filter(({ first, last }) => first >= range.first && last <= range.last);
    const complete = logged.find(({ first, last, part }) => first === range.first && last === range.last && part === 0);
    if (complete !== undefined) {
      for (const unit of logged) await this.#report(unit, unit.counts);
      return;
    }
    if (logged.length > 0) return this.#split(range);
    try {
      await this.#commit({ ...range, part: 0 }, (unit) => deleteChunk(this.#chunks, unit));
    } catch (error) {
      if (codeOf(error) !== STATEMENT_TIMEOUT) throw error;
      await this.#split(range);
    }
  }

  async #split(range: Range): Promise<void> {
    if (range.first === range.last) return this.#deleteLargeSubject(range);
    const middle = Math.floor((range.first + range.last) / 2);
    await this.delete({ first: range.first, last: middle });
    await this.delete({ first: middle + 1, last: range.last });
  }

  async #deleteLargeSubject(range: Range): Promise<void> {
    const parts = this.#log.filter(({ first, last, part }) => first === range.first && last === range.last && part > 0);
    for (const unit of parts) await this.#report(unit, unit.counts);
    let rows = this.#chunks.context.server.tuning.rowsPerPart;
    for (let part = parts.length + 1, more = true; more;) {
      try {
        await this.#commit({ ...range, part }, async (unit) => {
          const result = await deleteLargeSubjectPart(this.#chunks, unit, rows);
          more = result.more;
          return result.counts;
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
    throwIfCancelled(this.#activity.signal);
    const { tuning } = this.#chunks.context.server;
    const startedAt = performance.now();
    const counts = await retry(tuning, isConflict, () => deletion(unit));
    const workedMs = performance.now() - startedAt;
    await this.#report(unit, counts);
    await throttle(workedMs, paceOf(this.#chunks.context.settings).share, this.#activity);
  }

  #report(unit: Unit, counts: Counts): Promise<void> {
    return runCallback(() => this.#deletion.onRangeFinished(finishedRange(unit, counts)));
  }
}
