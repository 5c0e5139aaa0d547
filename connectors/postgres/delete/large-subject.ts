import { membersInRange } from '../visibility/batch-table.ts';
import { type Chunks, lockSubjects } from './chunk.ts';
import type { Target } from '../data-map/model.ts';
import { clearingSet, planClearing } from './clear-columns.ts';
import { executeAndCount } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from './range-log.ts';
import { NO_ROWS, assignments, remaining } from './remaining.ts';
import { relation } from '../sql.ts';
import { RowCounts } from './row-counts.ts';

/**
 * Deletes at most `rows` rows of a subject that is too large for one commit, children first. `more` says
 * whether another part can be needed. At the end, an ordinary chunk deletes the remaining rows and the subject's own.
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
      left -= await changeRows(chunks, unit, target, left, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return { counts, more: left <= 0 };
  });
  return done ?? { counts: (await readLogRow(session, key)) ?? new RowCounts().counts(), more: true };
}

/** Repeats the condition, because a ctid is unique within one partition only and could match a row of another subject. */
async function changeRows(
  chunks: Chunks,
  unit: Unit,
  target: Target,
  rows: number,
  rowCounts: RowCounts,
): Promise<number> {
  const { session, model, catalog, members } = chunks.loaded;
  const table = relation(target.table);
  const condition = remaining(target, chunks.scope, model, catalog);
  if (condition === NO_ROWS) return 0;
  const set = setClause(chunks, target);
  if (set === undefined && target.retain !== undefined) return 0;
  const statement = set === undefined ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`;
  const changed = await executeAndCount(
    session,
    `${statement} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT $6::int)) AND (${condition})`,
    [...membersInRange(members, unit.first, unit.last), rows],
  );
  if (chunks.scope !== 'data') rowCounts.add(target, { blanked: changed });
  else if (target.retain === undefined) rowCounts.add(target, { removed: changed });
  // The ordinary chunk at the end counts rows that keep their reference.
  else if (target.retain.unlink !== undefined)
    rowCounts.add(target, { retained: changed, perSubject: changed > 0 ? [[unit.first, changed]] : [] });
  return changed;
}

/** The SET clause for the rows of a target. Undefined when they are deleted. */
function setClause({ scope, context, loaded }: Chunks, target: Target): string | undefined {
  const { model, catalog } = loaded;
  if (scope !== 'data') return clearingSet(planClearing(target, scope, model, catalog));
  return target.retain === undefined ? undefined : assignments(target, context.system, model, catalog);
}
