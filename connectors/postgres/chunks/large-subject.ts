import type { Catalog } from '../data-map/catalog.ts';
import { collectReferenced } from '../visibility/collected.ts';
import { lockSubjects } from './chunk.ts';
import type { Chunks } from './chunks.ts';
import { countsForSubject, countsHere, isStanding } from './count-once.ts';
import { batchParameters, changeOf, countRetained } from './kept-rows.ts';
import { withDeleteActions } from './delete-actions.ts';
import { type KindModel, type Target, isDeleted, isRecursive, isSameTable, parentsOf } from '../../data-map/model.ts';
import { changesSet } from '../rows/changes.ts';
import { clearingSet, planClearing } from './clear-columns.ts';
import { REDACTED_COMMIT, runRedacted } from '../session.ts';
import type { Counts, Unit } from '../../figures/counts.ts';
import { closeLogRow, logKey, openLogRow, readLogRow } from '../delete/range-log.ts';
import { NO_ROWS, remaining } from '../delete/remaining.ts';
import { conditionSql } from '../rows/constants.ts';
import { MEMBERS, notDeleted, thereSql } from '../rows/where.ts';
import { columnSql } from '../data-map/column-path.ts';
import { ident, relation } from '../sql.ts';
import type { Step } from '../../data-map/deletion-plan.ts';
import { RowCounts } from '../../figures/row-counts.ts';
import { readStandingRows } from '../delete/standing-rows.ts';

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
    const rowCounts = new RowCounts(await readStandingRows(session, members, chunks.pass, unit));
    let left = rows;
    if (chunks.scope === 'data') await collectReferenced(chunks.loaded, unit);
    if (chunks.scope === 'data' && unit.part === 1) await countStanding(chunks, unit, rowCounts);
    for (const step of chunks.steps) {
      const targets = step.filter(({ role }) => role !== 'subject');
      for (const target of targets) if (left > 0) left -= await changeRows(chunks, unit, step, target, left, rowCounts);
    }
    const counts = rowCounts.counts();
    await closeLogRow(session, key, counts);
    return { counts, more: left <= 0 };
  }, REDACTED_COMMIT);
  return done ?? { counts: (await readLogRow(session, key)) ?? new RowCounts().counts(), more: true };
}

/** Parts can remove the reference by which standing rows are found through other rows. The first part counts all of them. */
async function countStanding(chunks: Chunks, unit: Unit, rowCounts: RowCounts): Promise<void> {
  const standing = chunks.loaded.model.targets.filter((target) => target.retain !== undefined && isStanding(target));
  for (const target of standing)
    rowCounts.add(target, { ...(await countRetained(chunks, unit, target)), isStanding: true });
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
      const leaves = `(${condition}) AND ${unreferencedByOthers(target, model, catalog)}`;
      const { changed } = await changeSome(chunks, unit, target, { set: undefined, selected: leaves, condition, rows });
      rowCounts.add(target, { removed: changed });
      return changed;
    });
  if (set === undefined) return 0;
  const stays = chunks.scope === 'data' ? notDeleted(target.table, model, catalog, {}) : 'true';
  const selected = `(${condition}) AND ${stays} AND ${withoutChildren(target, model)}`;
  const { changed, counted, own } = await changeSome(chunks, unit, target, { set, selected, condition, rows });
  if (chunks.scope !== 'data') rowCounts.add(target, { blanked: changed });
  else if (target.retain === undefined) rowCounts.add(target, changeOf(target, counted));
  else if (!isStanding(target))
    rowCounts.add(target, { retained: counted, perSubject: own > 0 ? [[unit.first, own]] : [] });
  return changed;
}

interface SomeRows {
  /** Undefined to delete the rows. */
  readonly set: string | undefined;
  readonly selected: string;
  readonly condition: string;
  readonly rows: number;
}

/** `counted` and `own` leave out rows that count elsewhere: in the table, and for the subject. */
interface ChangedRows {
  readonly changed: number;
  readonly counted: number;
  readonly own: number;
}

/**
 * Changes at most `rows` rows. Repeats the condition, because a ctid is unique within one partition only and could match
 * a row of another subject.
 */
async function changeSome(
  chunks: Chunks,
  unit: Unit,
  target: Target,
  { set, selected, condition, rows }: SomeRows,
): Promise<ChangedRows> {
  const { session, model, catalog } = chunks.loaded;
  const table = relation(target.table);
  const isPicked = `ctid = ANY (ARRAY(SELECT ctid FROM picked)) AND (${condition})`;
  const isKept = chunks.scope === 'data' && set !== undefined;
  const countOf = (others: string): string =>
    others === 'true'
      ? '(SELECT count(*) FROM changed)'
      : `(SELECT count(*) FROM ${table} WHERE ${isPicked} AND ${others})`;
  const counted = countOf(isKept ? countsHere(target, model, catalog) : 'true');
  const own = countOf(isKept ? countsForSubject(target, model, catalog, MEMBERS) : 'true');
  const found = await runRedacted<ChangedRows>(
    session,
    `WITH picked AS MATERIALIZED (SELECT ctid FROM ${table} WHERE ${selected} LIMIT $8::int),
       changed AS (${set === undefined ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`} WHERE ${isPicked} RETURNING 1)
     SELECT jsonb_build_object('changed', (SELECT count(*) FROM changed), 'counted', ${counted}, 'own', ${own})`,
    [...batchParameters(chunks, unit), rows],
  );
  return found ?? { changed: 0, counted: 0, own: 0 };
}

/**
 * Filters rows to which no other row refers: a tree is deleted from the leaves. The ordinary chunk at the end deletes rows
 * that refer to each other, and those to which the subject's own row refers.
 */
function unreferencedByOthers(target: Target, model: KindModel, catalog: Catalog): string {
  const isMapped = (child: string): boolean =>
    model.targets.some((other) => isDeleted(other) && isSameTable(other.table, child));
  const keys = catalog.foreignKeys.filter(
    ({ child, parent, onDelete }) =>
      isSameTable(parent, target.table) && (onDelete === 'a' || onDelete === 'r' || isMapped(child)),
  );
  const referenced = keys.map(({ child, childColumns, parentColumns }) =>
    noLeaf(
      child,
      target,
      childColumns.map((column, i) => [column, parentColumns[i] ?? column] as const),
    ),
  );
  return [withoutChildren(target, model), ...referenced].join(' AND ');
}

/** Filters rows to which no row belongs that is still to be deleted: `via` would not find it afterward. */
function withoutChildren(target: Target, model: KindModel): string {
  const children = model.targets.filter(
    (other) =>
      isDeleted(other) &&
      other.via !== undefined &&
      (other === target ? isRecursive(other) : parentsOf(other, model).includes(target)),
  );
  const conditions = children.map((child) =>
    noLeaf(child.table, target, child.via?.on ?? [], conditionSql(child.conditions, `${LEAF}.`)),
  );
  return ['true', ...conditions].join(' AND ');
}

const LEAF = ident('lethe leaf');

/** `pairs` are columns of `child` and the columns of the target that have the same values. */
function noLeaf(
  child: string,
  { table }: Target,
  pairs: readonly (readonly [here: string, there: string])[],
  condition = 'true',
): string {
  const equal = pairs.map((pair) => `${columnSql(pair[0], `${LEAF}.`)} = ${thereSql(pair, `${relation(table)}.`)}`);
  return `NOT EXISTS (SELECT FROM ${relation(child)} AS ${LEAF} WHERE ${equal.join(' AND ')} AND ${condition})`;
}

/** The SET clause for the rows of a target. Undefined when they are deleted. */
function setClause({ scope, context, loaded }: Chunks, target: Target): string | undefined {
  const { model, catalog } = loaded;
  if (scope !== 'data') return clearingSet(planClearing(target, scope, model, catalog));
  return changesSet(target, context.system, model, catalog);
}
