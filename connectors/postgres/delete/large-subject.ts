import { within } from '../visibility/batch-table.ts';
import { type Chunks, lockSubjects } from './chunk.ts';
import type { Target } from '../data-map/model.ts';
import { clearingSet, planClearing } from './clear-columns.ts';
import { executeAndCount } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from './range-log.ts';
import { NOTHING, assignments, remaining } from './remaining.ts';
import { relation } from '../sql.ts';
import { RowCounts } from './row-counts.ts';

/**
 * One commit of a subject that is too large for one: at most `rows` rows, children first. `more` says that another part
 * may be needed; what is left in the end, the subject itself included, is an ordinary chunk.
 */
export async function deleteLargeSubjectPart(
  chunks: Chunks,
  unit: Unit,
  rows: number,
): Promise<{ counts: Counts; more: boolean }> {
  const { session, members } = chunks.loaded;
  const key = logKey(members, chunks.pass, unit);
  const done = await session.transaction(async () => {
    if (!(await openLogRow(session, key))) return undefined;
    await lockSubjects(chunks, unit);
    const rowCounts = new RowCounts();
    let left = rows;
    for (const target of chunks.order) {
      if (target.role === 'subject' || left <= 0) break;
      left -= await some(chunks, unit, target, left, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return { counts, more: left <= 0 };
  });
  return done ?? { counts: (await readLogRow(session, key)) ?? new RowCounts().counts(), more: true };
}

/** The predicate stands twice: a ctid is unique in one partition only, and must never reach a bystander's row. */
async function some(chunks: Chunks, unit: Unit, target: Target, rows: number, rowCounts: RowCounts): Promise<number> {
  const { session, model, catalog, members } = chunks.loaded;
  const table = relation(target.table);
  const left = remaining(target, chunks.scope, model, catalog);
  if (left === NOTHING) return 0;
  const set = settingOf(chunks, target);
  if (set === undefined && target.retain !== undefined) return 0;
  const what = set === undefined ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`;
  const changed = await executeAndCount(
    session,
    `${what} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${left} LIMIT $6::int)) AND (${left})`,
    [...within(members, unit.first, unit.last), rows],
  );
  if (chunks.scope !== 'data') rowCounts.add(target, { blanked: changed });
  else if (target.retain === undefined) rowCounts.add(target, { removed: changed });
  // Rows that stay linked are counted once, by the ordinary chunk at the end.
  else if (target.retain.unlink !== undefined)
    rowCounts.add(target, { retained: changed, kept: changed > 0 ? [[unit.first, changed]] : [] });
  return changed;
}

/** Undefined: the rows go. */
function settingOf({ scope, context, loaded }: Chunks, target: Target): string | undefined {
  const { model, catalog } = loaded;
  if (scope !== 'data') return clearingSet(planClearing(target, scope, model, catalog));
  return target.retain === undefined ? undefined : assignments(target, context.system, model, catalog);
}
