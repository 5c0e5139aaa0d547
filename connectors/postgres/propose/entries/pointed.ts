import { type SnapshotKey, columnOf, isMappable, isUnique } from '../catalog/snapshot.ts';
import { personalCategory } from '../../../data-map/coverage/personal-columns.ts';
import { isAddressName, isDetailName, isOrganizationName } from '../names/table-kinds.ts';
import { isEmailLike } from '../names/column-kinds.ts';
import { type Reference, isSame, keyReference } from '../references/reference.ts';
import { answerOf } from '../sample/sample.ts';
import { ratioQuestionId } from '../sample/column-statements.ts';
import type { Draft, Survey } from './draft.ts';

/** Rows with details of the person to which rows of the person point, such as an address or an avatar. */
export function pointedDrafts(survey: Survey, drafts: readonly Draft[]): readonly Draft[] {
  const { subject, snapshot } = survey;
  const deleted = new Set([
    subject.table.name,
    ...drafts.filter(({ effect, isOthers }) => effect === 'delete' && isOthers !== true).map(({ table }) => table),
  ]);
  const retained = new Set(drafts.filter(({ effect }) => effect === 'retain').map(({ table }) => table));
  const mapped = new Set([subject.table.name, ...drafts.map(({ table }) => table)]);
  return snapshot.foreignKeys
    .filter((key) => {
      if (mapped.has(key.parent)) return false;
      return retained.has(key.child) ? canLoseAddress(key, survey) : deleted.has(key.child);
    })
    .filter((key) => isPersonalDetail(key, survey))
    .map((key): Draft => {
      const pointing = survey.references.filter(
        (each) => each.parent === key.parent && each.where === undefined && !isReference(each, key),
      );
      return {
        table: key.parent,
        link: {
          by: 'pointed',
          reference: keyReference(key),
          sharedWith: pointing.filter(({ parentColumns }) => isSame(parentColumns, key.parentColumns)),
        },
        effect: 'delete',
        questions: [],
      };
    });
}

/** A retained row can lose its reference to an address, so that the address is deleted. */
export function canLoseAddress(
  { child, childColumns, parent }: SnapshotKey,
  { snapshot }: Pick<Survey, 'snapshot'>,
): boolean {
  const table = snapshot.tables.get(child);
  const [column = ''] = childColumns;
  const isNullable = columnOf(table, column)?.isNotNull === false;
  return (
    isAddressName(parent) && childColumns.length === 1 && isNullable && table?.primaryKey.includes(column) === false
  );
}

const isReference = ({ child, childColumns }: Reference, key: SnapshotKey): boolean =>
  child === key.child && isSame(childColumns, key.childColumns);

/** A row that few others share, and that its name or its columns call personal. */
export function isPersonalDetail(key: SnapshotKey, { snapshot, samples }: Survey): boolean {
  const parent = snapshot.tables.get(key.parent);
  const child = snapshot.tables.get(key.child);
  if (parent === undefined || child === undefined || !isMappable(parent)) return false;
  const isSingle = isUnique(child, key.childColumns);
  const ratio = answerOf(samples, ratioQuestionId(key.child, key.childColumns, key.parent));
  const isOwn = ratio === undefined || ratio.sampled < 2 ? isSingle : ratio.matched / ratio.sampled >= 0.5;
  if (isOrganizationName(parent.name) && !isDetailName(parent.name)) return false;
  const categories = new Set(parent.columns.map(({ name, family }) => personalCategory(name, family)));
  const isPersonal = categories.size > 1 || parent.columns.some(isEmailLike);
  if (isDetailName(parent.name)) return isOwn || ratio === undefined || ratio.sampled < 2;
  return isPersonal && isOwn;
}

/** The foreign keys whose ratio of rows decides. */
export const detailKeys = ({ snapshot }: Pick<Survey, 'snapshot'>): readonly SnapshotKey[] =>
  snapshot.foreignKeys.filter(({ child, parent }) => {
    const table = snapshot.tables.get(parent);
    if (table === undefined || child === parent) return false;
    return (
      isDetailName(parent) ||
      table.columns.some((column) => personalCategory(column.name, column.family) !== null || isEmailLike(column))
    );
  });
