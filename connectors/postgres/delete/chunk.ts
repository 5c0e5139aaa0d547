import type { Scope } from '../../../domain/vocabulary.ts';
import type { Context, Loaded } from '../context.ts';
import { within } from '../visibility/batch-table.ts';
import type { Target } from '../data-map/model.ts';
import { type PartialScope, clearingSet, planClearing } from './clear-columns.ts';
import { executeAndCount, runRedacted } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from './range-log.ts';
import { assignments, isDescribed, remaining } from './remaining.ts';
import { canonical, ident, literal, relation } from '../sql.ts';
import { RowCounts, type SubjectRows } from './row-counts.ts';
import { rowsPerSubject, where } from '../data-map/where.ts';

/** What all chunks of one call share. */
export interface Chunks {
  readonly context: Context;
  readonly loaded: Loaded;
  /** Children first. */
  readonly order: readonly Target[];
  readonly scope: Scope;
  readonly pass: number;
}

/** One range in one transaction: its log row as the lock, the subjects locked in key order, then children first. */
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
        await blank(chunks, unit, target, chunks.scope, rowCounts);
        continue;
      }
      if (target === last && target.retain === undefined) return deleteLast(chunks, unit, target, rowCounts);
      await (target.retain === undefined ? remove : keep)(chunks, unit, target, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return counts;
  });
  // Another attempt finished this very range: what it counted is the answer.
  return done ?? (await readLogRow(session, key)) ?? new RowCounts().counts();
}

const membersIn = ({ loaded }: Chunks, unit: Unit) => within(loaded.members, unit.first, unit.last);

/** In key order, so that two chunks, or an application that does the same, wait for each other instead of deadlocking. */
export async function lockSubjects(chunks: Chunks, unit: Unit): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const own = model.targets.find(({ role }) => role === 'subject');
  if (own === undefined) return;
  await session.run(
    `SELECT count(*) FROM (SELECT FROM ${relation(own.table)} WHERE ${where(own, model, catalog)}
       ORDER BY ${model.key.columns.map(ident).join(', ')} FOR UPDATE) AS locked`,
    membersIn(chunks, unit),
  );
}

async function remove(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const sql = `DELETE FROM ${relation(target.table)} WHERE ${where(target, model, catalog)}`;
  rowCounts.add(target, { removed: await executeAndCount(session, sql, membersIn(chunks, unit)) });
}

/** The rows that a table keeps, in total and of each subject. A row of two subjects counts for both. */
interface Kept {
  readonly retained: number;
  readonly kept: readonly SubjectRows[];
}
const perSubject = (rows: string): string =>
  `(SELECT coalesce(json_agg(json_build_array(seq, rows)), '[]') FROM (${rows}) AS counted) AS kept`;

/**
 * Kept rows that lose their reference are counted when they lose it. Those that keep it would be found by every pass:
 * the first counts what is kept, later ones only what they still had to blank.
 */
async function keep(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<void> {
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const set = assignments(target, chunks.context.system, model, catalog);
  const changed =
    set === undefined
      ? ''
      : `WITH kept AS (UPDATE ${table} SET ${set} WHERE ${remaining(target, 'data', model, catalog)} RETURNING 1)`;
  const { unlink } = target.retain ?? {};
  const countsAll = unlink === undefined && chunks.pass === 1;
  // Read from the snapshot before the update, so from the rows that it changes.
  const counted = countsAll || unlink !== undefined ? undefined : (prefix: string) => isDescribed(target, prefix);
  const all = `(SELECT count(*)::float8 FROM ${table} WHERE ${where(target, model, catalog)})`;
  const some = set === undefined ? '0::float8' : '(SELECT count(*)::float8 FROM kept)';
  const [row] = await session.rows<Kept>(
    `${changed} SELECT ${countsAll ? all : some} AS retained, ${perSubject(rowsPerSubject(target, model, catalog, counted))}`,
    membersIn(chunks, unit),
  );
  rowCounts.add(target, row ?? {});
}

/** Only what is not empty yet, so that a second pass counts nothing twice; what cannot be emptied is said by the first. */
async function blank(
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
  const [row] = await session.rows<Kept>(
    `SELECT (SELECT count(*)::float8 FROM ${table} WHERE ${where(target, model, catalog)}) AS retained,
            ${perSubject(rowsPerSubject(target, model, catalog))}`,
    membersIn(chunks, unit),
  );
  rowCounts.add(target, { ...row, basis: `cannot be empty: ${plan.kept.join(', ')}` });
}

/** The last table, usually the subjects' own, and the log row in one statement: nothing comes between them. */
async function deleteLast(chunks: Chunks, unit: Unit, target: Target, rowCounts: RowCounts): Promise<Counts> {
  const { session, model, catalog } = chunks.loaded;
  const table = canonical(target.table);
  const counts = await runRedacted<Counts>(
    session,
    `WITH gone AS (DELETE FROM ${relation(target.table)} WHERE ${where(target, model, catalog)} RETURNING 1)
     UPDATE lethe_system.ranges SET counts = $6::jsonb || jsonb_build_object('last',
       jsonb_build_object('table', ${literal(table)}, 'removed', (SELECT count(*) FROM gone)))
     WHERE system = $1 AND request_id = $2 AND batch = $3 AND first_seq = $4 AND last_seq = $5
       AND pass = $7::int AND part = $8::int
     RETURNING counts`,
    [...membersIn(chunks, unit), JSON.stringify(rowCounts.counts()), chunks.pass, unit.part],
  );
  return counts ?? rowCounts.counts();
}
