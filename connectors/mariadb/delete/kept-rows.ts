import { type KindModel, type Target, isDeleted, isSameTable } from '../../data-map/model.ts';
import type { Range } from '../../figures/ranges.ts';
import type { RowCounts } from '../../figures/row-counts.ts';
import type { SubjectRows } from '../../figures/standing-rows.ts';
import type { CollectedRows } from '../batch/collected-rows.ts';
import { changesSet } from '../changes/changes.ts';
import { isStanding, remaining } from '../changes/remaining.ts';

/**
 * Changes the rows of an entry that a deletion keeps, and counts those that belong to no deleted entry. `changed`: the
 * entries whose rows were changed before.
 */
export async function changeKeptRows(
  rows: CollectedRows,
  target: Target,
  range: Range,
  changed: ReadonlySet<Target>,
  counted: RowCounts,
): Promise<void> {
  const { session, model, catalog, context } = rows.loaded;
  const stays = notDeleted(rows, target);
  const needsWork = `${remaining(target, 'data', model, catalog)} AND ${stays}`;
  const counts = `${stays} AND ${countsHere(rows, target, range, changed)}`;
  if (target.retain === undefined) {
    const count = await countRows(rows, target, `${needsWork} AND ${countsHere(rows, target, range, changed)}`);
    if (target.detach === undefined)
      counted.add(target, {
        anonymised: { rows: count, columns: Object.keys(target.anonymise ?? {}) },
        perSubject: await countSubjects(rows, target, needsWork),
      });
    else counted.add(target, { detached: count });
  } else
    counted.add(target, {
      retained: await countRows(rows, target, counts),
      perSubject: await countSubjects(rows, target, `${stays} AND ${countsForSubject(rows, target, changed)}`),
      isStanding: isStanding(target),
    });
  const set = changesSet(target, context.system, model, catalog);
  if (set !== undefined) await session.run(`UPDATE ${rows.join(target)} SET ${set} WHERE ${needsWork}`);
}

/** Filters rows `own` that no entry of the table deletes in this range. */
function notDeleted(rows: CollectedRows, target: Target): string {
  const deleting = rows.loaded.model.targets.filter(
    (other) => isDeleted(other) && isSameTable(other.table, target.table),
  );
  return allOf(deleting.map((other) => `NOT ${rows.isCollected(other)}`));
}

/**
 * Filters the rows of an entry that count for it, so that no row of a table counts twice. A row that the batch deletes
 * counts there. A detached row counts when its last reference to the batch changes, and not if it belongs to a subject.
 * A retained row counts for one of the entries with its basis.
 */
function countsHere(rows: CollectedRows, target: Target, range: Range, changed: ReadonlySet<Target>): string {
  const { model } = rows.loaded;
  const others = model.targets.filter((other) => other !== target && isSameTable(other.table, target.table));
  const counting = others.filter(
    (other) => isDeleted(other) || target.detach !== undefined || hasPriority(other, target, model),
  );
  return allOf(
    counting.flatMap((other) => [
      ...(isStillFound(other, changed) ? [`NOT ${rows.isCollected(other)}`] : []),
      ...(rows.isWholeBatch(range) ? [] : [`NOT ${rows.isOfBatch(other)}`]),
    ]),
  );
}

/** Rows that were changed before have lost what related them to a subject, unless they are standing. */
const isStillFound = (other: Target, changed: ReadonlySet<Target>): boolean =>
  isDeleted(other) || isStanding(other) || !changed.has(other);

/** Filters the rows of a retaining entry that count for the subject of a collected row `picked`. */
function countsForSubject(rows: CollectedRows, target: Target, changed: ReadonlySet<Target>): string {
  const { model } = rows.loaded;
  const others = model.targets.filter(
    (other) =>
      other !== target &&
      isSameTable(other.table, target.table) &&
      hasPriority(other, target, model) &&
      isStillFound(other, changed),
  );
  return allOf(others.map((other) => `NOT ${rows.isCollected(other, 'own', 'other.seq = picked.seq')}`));
}

const allOf = (conditions: readonly string[]): string => conditions.join(' AND ') || 'true';

/** Whether a row of both entries, which have one basis, counts for `other`: standing rows first, then the last change. */
function hasPriority(other: Target, target: Target, { targets }: KindModel): boolean {
  if (target.retain === undefined || other.retain?.basis !== target.retain.basis) return false;
  if (!isStanding(target)) return true;
  return isStanding(other) && targets.indexOf(other) < targets.indexOf(target);
}

/** The number of collected rows `own` that meet a condition. A row of two subjects counts once. */
export async function countRows(rows: CollectedRows, target: Target, condition: string): Promise<number> {
  const keys = rows
    .keyNames(target)
    .split(', ')
    .map((name) => `picked.${name}`);
  const [row] = await rows.loaded.session.rows<{ count: string | number }>(
    `SELECT COUNT(DISTINCT ${keys.join(', ')}) AS count FROM ${rows.join(target)} WHERE ${condition}`,
  );
  return Number(row?.count ?? 0);
}

/** The number of these rows per subject. A row of two subjects counts for both. */
export async function countSubjects(
  rows: CollectedRows,
  target: Target,
  condition: string,
): Promise<readonly SubjectRows[]> {
  const found = await rows.loaded.session.rows<{ seq: number; count: string | number }>(
    `SELECT picked.seq AS seq, COUNT(*) AS count FROM ${rows.join(target)} WHERE ${condition} GROUP BY picked.seq`,
  );
  return found.map(({ seq, count }) => [seq, Number(count)] as const);
}
