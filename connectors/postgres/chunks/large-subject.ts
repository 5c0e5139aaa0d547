import type { Catalog } from '../data-map/catalog.ts';
import { collectReferenced } from '../visibility/collected.ts';
import { lockSubjects } from './chunk.ts';
import { type Chunks, membersIn } from './chunks.ts';
import { changeOf } from './kept-rows.ts';
import { type Target, isDeleted, isSameTable } from '../data-map/model.ts';
import { referenceChanges } from '../data-map/reference-changes.ts';
import { changesSet } from '../rows/changes.ts';
import { clearingSet, planClearing } from './clear-columns.ts';
import { executeAndCount } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from '../delete/range-log.ts';
import { NO_ROWS, remaining } from '../delete/remaining.ts';
import { ident, relation } from '../sql.ts';
import { RowCounts } from '../delete/row-counts.ts';

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
    const targets = chunks.steps.flat();
    if (chunks.scope === 'data') await collectReferenced(chunks.loaded, unit);
    for (const target of targets) {
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
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const condition = remaining(target, chunks.scope, model, catalog);
  if (condition === NO_ROWS) return 0;
  const set = setClause(chunks, target);
  const deletes = chunks.scope === 'data' && isDeleted(target);
  if (set === undefined && !deletes) return 0;
  const statement = deletes ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`;
  const selected = deletes ? `${condition} AND ${unreferencedByOwnTable(target, catalog)}` : condition;
  const changed = await executeAndCount(
    session,
    `${statement} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${selected} LIMIT $6::int)) AND (${condition})`,
    [...membersIn(chunks, unit), rows],
  );
  if (chunks.scope !== 'data') rowCounts.add(target, { blanked: changed });
  else if (deletes) rowCounts.add(target, { removed: changed });
  else if (target.retain === undefined) rowCounts.add(target, changeOf(target, changed));
  // The ordinary chunk at the end counts rows that keep their reference.
  else if (referenceChanges(target).length > 0)
    rowCounts.add(target, { retained: changed, perSubject: changed > 0 ? [[unit.first, changed]] : [] });
  return changed;
}

/** Rows of a tree are deleted from the leaves. The ordinary chunk at the end deletes rows that refer to each other. */
function unreferencedByOwnTable(target: Target, catalog: Catalog): string {
  const table = relation(target.table);
  const keys = catalog.foreignKeys.filter(
    ({ child, parent }) => isSameTable(child, target.table) && isSameTable(parent, target.table),
  );
  const conditions = keys.map(({ childColumns, parentColumns }) => {
    const pairs = childColumns.map(
      (column, i) => `leaf.${ident(column)} = ${table}.${ident(parentColumns[i] ?? column)}`,
    );
    return `NOT EXISTS (SELECT FROM ${table} AS leaf WHERE ${pairs.join(' AND ')})`;
  });
  return ['true', ...conditions].join(' AND ');
}

/** The SET clause for the rows of a target. Undefined when they are deleted. */
function setClause({ scope, context, loaded }: Chunks, target: Target): string | undefined {
  const { model, catalog } = loaded;
  if (scope !== 'data') return clearingSet(planClearing(target, scope, model, catalog));
  return changesSet(target, context.system, model, catalog);
}
