import { collectReferenced } from '../visibility/collected.ts';
import { type Chunks, membersIn } from './chunks.ts';
import { type Target, isDeleted } from '../../data-map/model.ts';
import { type PartialScope, clearingSet, planClearing } from './clear-columns.ts';
import { REDACTED_COMMIT, executeAndCount, runRedacted } from '../session.ts';
import type { Counts, Unit } from '../../figures/counts.ts';
import { closeLogRow, logKey, openLogRow, readLogRow } from '../delete/range-log.ts';
import { countDeleteActions } from './delete-actions.ts';
import { type RetainedCount, changeKeptRows, subjectCounts } from './kept-rows.ts';
import { remaining } from '../delete/remaining.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { ident, literal, relation } from '../sql.ts';
import { RowCounts } from '../../figures/row-counts.ts';
import { readStandingRows } from '../delete/standing-rows.ts';
import type { Step } from '../../data-map/deletion-plan.ts';
import { where } from '../rows/where.ts';
import { rowsPerSubject } from '../rows/rows-per-subject.ts';

/**
 * Deletes one range in one transaction: inserts its log row, locks the subjects in key order, then deletes children first.
 * `hasParts`: other transactions of this pass have deleted parts of it.
 */
export async function deleteChunk(chunks: Chunks, unit: Unit, hasParts = false): Promise<Counts> {
  const { session, members } = chunks.loaded;
  const key = logKey(members, chunks.pass, unit);
  const done = await session.transaction(async () => {
    if (!(await openLogRow(session, key))) return undefined;
    await lockSubjects(chunks, unit);
    const rowCounts = new RowCounts(await readStandingRows(session, members, chunks.pass, unit, hasParts));
    if (chunks.scope !== 'data') {
      for (const target of chunks.loaded.model.targets)
        await clearColumns(chunks, unit, target, chunks.scope, rowCounts);
    } else {
      await collectReferenced(chunks.loaded, unit);
      const last = chunks.steps.at(-1) ?? [];
      for (const step of chunks.steps) {
        await countDeleteActions(chunks, unit, step, rowCounts);
        if (step === last && step.every(isDeleted)) return deleteLast(chunks, unit, step, rowCounts);
        await processStep(chunks, unit, step, rowCounts);
      }
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return counts;
  }, REDACTED_COMMIT);
  // If another attempt has finished this range, its counts are the result.
  return done ?? (await readLogRow(session, key)) ?? new RowCounts().counts();
}

/** Locks in key order, so that two chunks wait for each other instead of deadlocking. */
export async function lockSubjects(chunks: Chunks, unit: Unit): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const subjectTable = model.targets.find(({ role }) => role === 'subject');
  if (subjectTable === undefined) return;
  await session.run(
    `SELECT count(*) FROM (SELECT FROM ${relation(subjectTable.table)} WHERE ${where(subjectTable, model, catalog)}
       ORDER BY ${model.key.columns.map(ident).join(', ')} FOR UPDATE) AS locked`,
    membersIn(chunks, unit),
  );
}

async function processStep(chunks: Chunks, unit: Unit, step: Step, rowCounts: RowCounts): Promise<void> {
  if (step.every(isDeleted)) return deleteRows(chunks, unit, step, rowCounts);
  for (const target of step) await changeKeptRows(chunks, unit, target, rowCounts);
}

/** One statement for all entries of a step. A row that several entries select is deleted, and counted, once. */
function deletions({ loaded: { model, catalog } }: Chunks, step: Step): string {
  const deletes = step.map((target, index) => {
    const condition = remaining(target, 'data', model, catalog);
    return `deleted_${index} AS (DELETE FROM ${relation(target.table)} WHERE ${condition} RETURNING 1)`;
  });
  return `WITH ${deletes.join(', ')}`;
}

const countOf = (index: number): string => `(SELECT count(*) FROM deleted_${index})`;

async function deleteRows(chunks: Chunks, unit: Unit, step: Step, rowCounts: RowCounts): Promise<void> {
  const sql = `${deletions(chunks, step)} SELECT jsonb_build_array(${step.map((_, index) => countOf(index)).join(', ')})`;
  const counts = await runRedacted<number[]>(chunks.loaded.session, sql, membersIn(chunks, unit));
  for (const [index, target] of step.entries()) rowCounts.add(target, { removed: counts?.[index] ?? 0 });
}

/** Clears only columns that have a value, so that a second pass counts no row twice. */
async function clearColumns(
  chunks: Chunks,
  unit: Unit,
  target: Target,
  scope: PartialScope,
  rowCounts: RowCounts,
): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const plan = planClearing(target, scope, model, catalog);
  if (plan.clearable.length > 0) {
    const sql = `UPDATE ${table} SET ${clearingSet(plan)} WHERE ${remaining(target, scope, model, catalog)}`;
    rowCounts.add(target, { blanked: await executeAndCount(session, sql, membersIn(chunks, unit)) });
  }
  if (plan.kept.length === 0) return;
  const [row] = await session.rows<RetainedCount>(
    `SELECT (SELECT count(*)::float8 FROM ${table} WHERE ${where(target, model, catalog)}) AS retained,
            ${subjectCounts(rowsPerSubject(target, model, catalog))} AS "perSubject"`,
    membersIn(chunks, unit),
  );
  rowCounts.add(target, { ...row, basis: `cannot be empty: ${plan.kept.join(', ')}`, isStanding: true });
}

/** Deletes from the last table, usually the subjects' own, and completes the log row in the same statement. */
async function deleteLast(chunks: Chunks, unit: Unit, step: Step, rowCounts: RowCounts): Promise<Counts> {
  const tables = [...new Set(step.map(({ table }) => qualifiedName(table)))];
  const removed = tables.map((table) => {
    const sums = step.flatMap((target, index) => (qualifiedName(target.table) === table ? [countOf(index)] : []));
    return `jsonb_build_object('table', ${literal(table)}, 'removed', ${sums.join(' + ')})`;
  });
  const counts = await runRedacted<Counts>(
    chunks.loaded.session,
    `${deletions(chunks, step)}
     UPDATE lethe_system.ranges SET counts = $6::jsonb || jsonb_build_object('last', jsonb_build_array(${removed.join(', ')}))
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND first_seq = $4 AND last_seq = $5
       AND pass = $7::int AND part = $8::int
     RETURNING counts`,
    [...membersIn(chunks, unit), JSON.stringify(rowCounts.counts()), chunks.pass, unit.part],
  );
  return counts ?? rowCounts.counts();
}
