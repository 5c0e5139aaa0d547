import type { Scope } from '../../../domain/vocabulary.ts';
import type { Step } from '../../data-map/deletion-plan.ts';
import { type Target, isDeleted } from '../../data-map/model.ts';
import type { Counts, Unit } from '../../figures/counts.ts';
import { RowCounts } from '../../figures/row-counts.ts';
import type { CollectedRows } from '../batch/collected-rows.ts';
import { clearingSet, planClearing, anyColumnFilled } from '../changes/clearing.ts';
import { changeKeptRows, countRows, countSubjects } from './kept-rows.ts';
import { closeLogRow, logKey, openLogRow, readLogRow, readStandingRows } from './range-log.ts';
import { deleteStep } from './references.ts';

/** Shared by all chunks of one call. */
export interface Chunks {
  readonly rows: CollectedRows;
  /** Children first. */
  readonly steps: readonly Step[];
  readonly scope: Scope;
  readonly pass: number;
}

/**
 * Deletes one range in one transaction: inserts its log row, collects and locks the rows, then deletes children first.
 * `hasParts`: other transactions of this pass have deleted parts of it.
 */
export async function deleteChunk(chunks: Chunks, unit: Unit, hasParts: boolean): Promise<Counts> {
  const { session, members } = chunks.rows.loaded;
  const key = logKey(members, chunks.pass, unit);
  // What is left of a subject that was deleted in parts can take longer than a statement may. Only its rows are locked.
  if (hasParts) await session.limitStatements(0);
  try {
    const done = await session.transaction(async () => {
      if (!(await openLogRow(session, key))) return undefined;
      const counted = new RowCounts(await readStandingRows(session, members, chunks.pass, unit, hasParts));
      await chunks.rows.collect(unit, { scope: chunks.scope, isLocking: true });
      if (chunks.scope === 'data') await deleteRows(chunks, unit, counted);
      else for (const target of chunks.rows.loaded.model.targets) await clearColumns(chunks, target, counted);
      const counts = counted.counts();
      await closeLogRow(session, key, counts);
      return counts;
    });
    // If another attempt has finished this range, its counts are the result.
    return done ?? (await readLogRow(session, key)) ?? new RowCounts().counts();
  } finally {
    if (hasParts) await session.limitStatements(chunks.rows.loaded.context.server.tuning.statementTimeoutMs);
  }
}

async function deleteRows({ rows, steps }: Chunks, unit: Unit, counted: RowCounts): Promise<void> {
  const changed = new Set<Target>();
  for (const step of steps) {
    if (step.every(isDeleted)) await deleteStep(rows, step, counted);
    else
      for (const target of step) {
        await changeKeptRows(rows, target, unit, changed, counted);
        changed.add(target);
      }
  }
}

/** Clears only columns that have a value, so that a second pass counts no row twice. */
async function clearColumns({ rows, scope }: Chunks, target: Target, counted: RowCounts): Promise<void> {
  const { session, model, catalog } = rows.loaded;
  if (scope === 'data') return;
  const plan = planClearing(target, scope, model, catalog);
  if (plan.clearable.length > 0) {
    const filled = anyColumnFilled(plan);
    const blanked = await countRows(rows, target, filled);
    if (blanked > 0) await session.run(`UPDATE ${rows.join(target)} SET ${clearingSet(plan)} WHERE ${filled}`);
    counted.add(target, { blanked });
  }
  if (plan.kept.length === 0) return;
  counted.add(target, {
    retained: await countRows(rows, target, 'true'),
    perSubject: await countSubjects(rows, target, 'true'),
    basis: `cannot be empty: ${plan.kept.join(', ')}`,
    isStanding: true,
  });
}
