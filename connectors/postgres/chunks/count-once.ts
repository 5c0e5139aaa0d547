import type { Catalog } from '../data-map/catalog.ts';
import { type KindModel, type Target, isDeleted, isSameTable } from '../../data-map/model.ts';
import { MEMBERS, notDeleted, where } from '../rows/where.ts';

/** The whole batch. A row that belongs to any of its subjects is deleted, in this range or another one. */
export const BATCH_MEMBERS = MEMBERS.replace('$4', '$6').replace('$5', '$7');
/** The subjects of the batch in other ranges. */
const OTHER_MEMBERS = `${BATCH_MEMBERS} AND seq NOT BETWEEN $4::int AND $5::int`;

/**
 * Filters the rows of an entry that count for it, so that no row of a table counts twice. A row that the batch deletes
 * counts there. A detached row counts when its last reference to the batch changes, and not if it belongs to a subject.
 * A retained row counts for one of the entries with its basis.
 */
export function countsHere(target: Target, model: KindModel, catalog: Catalog): string {
  const others = model.targets.filter(
    (other) => other !== target && isSameTable(other.table, target.table) && !isDeleted(other),
  );
  const excluding = target.detach === undefined ? others.filter((other) => hasPriority(other, target, model)) : others;
  const members = [
    ...excluding.map((other) => ({ other, members: BATCH_MEMBERS })),
    ...(canReferToOthers(target) ? [{ other: target, members: OTHER_MEMBERS }] : []),
  ];
  const conditions = members.map(
    (each) => `(${where(each.other, model, catalog, { members: each.members, isFilter: true })}) IS NOT TRUE`,
  );
  const stays = notDeleted(target.table, model, catalog, { members: BATCH_MEMBERS });
  return [...(stays === 'true' ? [] : [stays]), ...conditions].join(' AND ') || 'true';
}

/** Filters the rows of a retaining entry that count for a subject. `members` selects this subject in the batch table. */
export function countsForSubject(target: Target, model: KindModel, catalog: Catalog, members: string): string {
  const others = model.targets.filter(
    (other) => other !== target && isSameTable(other.table, target.table) && hasPriority(other, target, model),
  );
  const conditions = others.map(
    (other) => `(${where(other, model, catalog, { members, isFilter: true })}) IS NOT TRUE`,
  );
  const stays = notDeleted(target.table, model, catalog, { members: BATCH_MEMBERS });
  return [...(stays === 'true' ? [] : [stays]), ...conditions].join(' AND ') || 'true';
}

/** Whether a row of both entries, which have one basis, counts for `other`: standing rows first, then the last change. */
function hasPriority(other: Target, target: Target, { targets }: KindModel): boolean {
  if (target.retain === undefined || other.retain?.basis !== target.retain.basis) return false;
  if (!isStanding(target)) return true;
  return isStanding(other) && targets.indexOf(other) < targets.indexOf(target);
}

/** An array can contain subjects of several ranges, so a changed row can still refer to the batch. */
const canReferToOthers = ({ detach, matches }: Target): boolean =>
  detach !== undefined && matches.some(({ isArray }) => isArray === true);

/** Whether the retained rows keep their reference, so that every pass finds them. */
export const isStanding = ({ retain }: Target): boolean =>
  retain?.unlink === undefined && retain?.reassign === undefined;
