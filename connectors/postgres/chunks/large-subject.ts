import type { Catalog } from '../data-map/catalog.ts';
import { collectReferenced } from '../visibility/collected.ts';
import { lockSubjects } from './chunk.ts';
import type { Chunks } from './chunks.ts';
import { BATCH_MEMBERS, countsHere } from './count-once.ts';
import { batchParameters, changeOf } from './kept-rows.ts';
import { withDeleteActions } from './delete-actions.ts';
import { type Target, isDeleted, isSameTable } from '../data-map/model.ts';
import { referenceChanges } from '../data-map/reference-changes.ts';
import { changesSet } from '../rows/changes.ts';
import { clearingSet, planClearing } from './clear-columns.ts';
import { REDACTED_COMMIT, runRedacted } from '../session.ts';
import { type Counts, type Unit, closeLogRow, logKey, openLogRow, readLogRow } from '../delete/range-log.ts';
import { NO_ROWS, remaining } from '../delete/remaining.ts';
import { notDeleted } from '../rows/where.ts';
import { ident, relation } from '../sql.ts';
import type { Step } from '../rows/deletion-plan.ts';
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
    if (chunks.scope === 'data') await collectReferenced(chunks.loaded, unit);
    for (const step of chunks.steps) {
      if (step.some(({ role }) => role === 'subject')) break;
      // Rows of several tables that refer to each other are deleted together, by the ordinary chunk at the end.
      if (step.some(({ table }) => !isSameTable(table, step[0]?.table ?? table))) continue;
      for (const target of step) if (left > 0) left -= await changeRows(chunks, unit, step, target, left, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return { counts, more: left <= 0 };
  }, REDACTED_COMMIT);
  return done ?? { counts: (await readLogRow(session, key)) ?? new RowCounts().counts(), more: true };
}

async function changeRows(
  chunks: Chunks,
  unit: Unit,
  step: Step,
  target: Target,
  rows: number,
  rowCounts: RowCounts,
): Promise<number> {
  const { model, catalog } = chunks.loaded;
  const condition = remaining(target, chunks.scope, model, catalog);
  if (condition === NO_ROWS) return 0;
  const set = setClause(chunks, target);
  if (chunks.scope === 'data' && isDeleted(target))
    return withDeleteActions(chunks, unit, step, rowCounts, async () => {
      const leaves = `(${condition}) AND ${unreferencedByOwnTable(target, catalog)}`;
      const { changed } = await changeSome(chunks, unit, target, { set: undefined, selected: leaves, condition, rows });
      rowCounts.add(target, { removed: changed });
      return changed;
    });
  if (set === undefined) return 0;
  const stays = chunks.scope === 'data' ? notDeleted(target.table, model, catalog, {}) : 'true';
  const selected = `(${condition}) AND ${stays}`;
  const { changed, counted } = await changeSome(chunks, unit, target, { set, selected, condition, rows });
  if (chunks.scope !== 'data') rowCounts.add(target, { blanked: changed });
  else if (target.retain === undefined) rowCounts.add(target, changeOf(target, counted));
  // The ordinary chunk at the end counts rows that keep their reference.
  else if (referenceChanges(target).length > 0)
    rowCounts.add(target, { retained: counted, perSubject: counted > 0 ? [[unit.first, counted]] : [] });
  return changed;
}

interface SomeRows {
  /** Undefined to delete the rows. */
  readonly set: string | undefined;
  readonly selected: string;
  readonly condition: string;
  readonly rows: number;
}

/**
 * Changes at most `rows` rows. `counted` leaves out rows that the batch deletes. Repeats the condition, because a ctid is
 * unique within one partition only and could match a row of another subject.
 */
async function changeSome(
  chunks: Chunks,
  unit: Unit,
  target: Target,
  { set, selected, condition, rows }: SomeRows,
): Promise<{ changed: number; counted: number }> {
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const isPicked = `ctid = ANY (ARRAY(SELECT ctid FROM picked)) AND (${condition})`;
  const others =
    chunks.scope === 'data' && set !== undefined
      ? target.detach === undefined
        ? notDeleted(target.table, model, catalog, { members: BATCH_MEMBERS })
        : countsHere(target, model, catalog)
      : 'true';
  const counted =
    others === 'true'
      ? '(SELECT count(*) FROM changed)'
      : `(SELECT count(*) FROM ${table} WHERE ${isPicked} AND ${others})`;
  const found = await runRedacted<{ changed: number; counted: number }>(
    session,
    `WITH picked AS MATERIALIZED (SELECT ctid FROM ${table} WHERE ${selected} LIMIT $8::int),
       changed AS (${set === undefined ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`} WHERE ${isPicked} RETURNING 1)
     SELECT jsonb_build_object('changed', (SELECT count(*) FROM changed), 'counted', ${counted})`,
    [...batchParameters(chunks, unit), rows],
  );
  return found ?? { changed: 0, counted: 0 };
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
