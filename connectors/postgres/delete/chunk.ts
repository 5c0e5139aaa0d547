import type { Scope } from '../../../domain/vocabulary.ts';
import type { Context, LoadedBatch } from '../context.ts';
import { membersInRange } from '../visibility/batch-table.ts';
import type { Target } from '../data-map/model.ts';
import { type PartialScope, clearingSet, planClearing } from './clear-columns.ts';
import { executeAndCount, runRedacted } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from './range-log.ts';
import { assignments, hasColumnToBlank, remaining } from './remaining.ts';
import { qualifiedName, ident, literal, relation } from '../sql.ts';
import { RowCounts, type SubjectRows } from './row-counts.ts';
import { rowsPerSubject, where } from '../data-map/where.ts';

/** Shared by all chunks of one call. */
export interface Chunks {
  readonly context: Context;
  readonly loaded: LoadedBatch;
  /** Children first. */
  readonly order: readonly Target[];
  readonly scope: Scope;
  readonly pass: number;
}

/** Deletes one range in one transaction: inserts its log row, locks the subjects in key order, then deletes children first. */
export async function deleteChunk(chunks: Chunks, unit: Unit): Promise<Counts> {
  const { session, members } = chunks.loaded;
  const key = logKey(members, chunks.pass, unit);
  const done = await session.transaction(async () => {
    if (!(await openLogRow(session, key))) return undefined;
    await lockSubjects(chunks, unit);
    const rowCounts = new RowCounts();
    const last = chunks.order.at(-1);
    for (const target of chunks.order) {
      if (chunks.scope !== 'data') {
        await clearColumns(chunks, unit, target, chunks.scope, rowCounts);
        continue;
      }
      if (target === last && target.retain === undefined) return deleteLast(chunks, unit, target, rowCounts);
      await (target.retain === undefined ? deleteRows : retainRows)(chunks, unit, target, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return counts;
  });
  // If another attempt has finished this range, its counts are the result.
  return done ?? (await readLogRow(session, key)) ?? new RowCounts().counts();
}

const membersIn = ({ loaded }: Chunks, unit: Unit) => membersInRange(loaded.members, unit.first, unit.last);

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

async function deleteRows(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const sql = `DELETE FROM ${relation(target.table)} WHERE ${where(target, model, catalog)}`;
  rowCounts.add(target, { removed: await executeAndCount(session, sql, membersIn(chunks, unit)) });
}

/** The retained rows of a table, in total and per subject. A row of two subjects counts for both. */
interface RetainedCount {
  readonly retained: number;
  readonly perSubject: readonly SubjectRows[];
}
const subjectCounts = (rows: string): string =>
  `(SELECT coalesce(json_agg(json_build_array(seq, rows)), '[]') FROM (${rows}) AS counted) AS "perSubject"`;

/**
 * Counts unlinked rows in the pass that unlinks them. Every pass finds rows that keep their reference, so the first pass
 * counts all of them, and later passes only those that they blank.
 */
async function retainRows(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const set = assignments(target, chunks.context.system, model, catalog);
  const update =
    set === undefined
      ? ''
      : `WITH retained AS (UPDATE ${table} SET ${set} WHERE ${remaining(target, 'data', model, catalog)} RETURNING 1)`;
  const { unlink } = target.retain ?? {};
  const countsAll = unlink === undefined && chunks.pass === 1;
  // The statement's snapshot is from before its update, so this finds the rows that the update changes.
  const restriction =
    countsAll || unlink !== undefined ? undefined : (prefix: string) => hasColumnToBlank(target, prefix);
  const allRows = `(SELECT count(*)::float8 FROM ${table} WHERE ${where(target, model, catalog)})`;
  const changedRows = set === undefined ? '0::float8' : '(SELECT count(*)::float8 FROM retained)';
  const [row] = await session.rows<RetainedCount>(
    `${update} SELECT ${countsAll ? allRows : changedRows} AS retained, ${subjectCounts(rowsPerSubject(target, model, catalog, restriction))}`,
    membersIn(chunks, unit),
  );
  rowCounts.add(target, row ?? {});
}

/** Clears only columns that have a value, so that a second pass counts no row twice. Only the first pass counts kept rows. */
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
  if (plan.kept.length === 0 || chunks.pass > 1) return;
  const [row] = await session.rows<RetainedCount>(
    `SELECT (SELECT count(*)::float8 FROM ${table} WHERE ${where(target, model, catalog)}) AS retained,
            ${subjectCounts(rowsPerSubject(target, model, catalog))}`,
    membersIn(chunks, unit),
  );
  rowCounts.add(target, { ...row, basis: `cannot be empty: ${plan.kept.join(', ')}` });
}

/** Deletes from the last table, usually the subjects' own, and completes the log row in the same statement. */
async function deleteLast(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<Counts> {
  const { session, model, catalog } = chunks.loaded;
  const table = qualifiedName(target.table);
  const counts = await runRedacted<Counts>(
    session,
    `WITH deleted AS (DELETE FROM ${relation(target.table)} WHERE ${where(target, model, catalog)} RETURNING 1)
     UPDATE lethe_system.ranges SET counts = $6::jsonb || jsonb_build_object('last',
       jsonb_build_object('table', ${literal(table)}, 'removed', (SELECT count(*) FROM deleted)))
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND first_seq = $4 AND last_seq = $5
       AND pass = $7::int AND part = $8::int
     RETURNING counts`,
    [...membersIn(chunks, unit), JSON.stringify(rowCounts.counts()), chunks.pass, unit.part],
  );
  return counts ?? rowCounts.counts();
}
