import { personalCategory } from '../../../data-map/coverage/personal-columns.ts';
import { type Table, isUnique, keysFrom } from '../catalog/snapshot.ts';
import { isEmailLike } from '../names/column-kinds.ts';
import { isPointer, roleOf } from '../names/roles.ts';
import { isCustomersName, isMembershipName, isSharedName, isStaffName } from '../names/table-kinds.ts';
import { type Survey, equivalentTables, isToKey } from './draft.ts';

/** Whether several people share a row: it has members, or the subject's row points to it. */
export function isContainer(table: Table, survey: Survey): boolean {
  const { snapshot, references, subject } = survey;
  const isPointedTo = keysFrom(snapshot, subject.table.name).some(
    ({ parent, childColumns }) => parent === table.name && !isUnique(subject.table, childColumns),
  );
  if (isPointedTo && table.name !== subject.table.name) return isSharedName(table.name);
  return references.some(
    (reference) =>
      reference.parent === table.name &&
      reference.child !== table.name &&
      isMembershipName(reference.child) &&
      references.some((each) => each.child === reference.child && isToKey(each, subject)),
  );
}

/** Whether the row belongs to a row of another table that has an owner. */
export function isOwnedByOther({ name }: Table, survey: Survey): boolean {
  const { references, subject } = survey;
  const equivalents = equivalentTables(survey);
  return references.some(
    ({ child, childColumns, parent, kind }) =>
      child === name &&
      parent !== name &&
      parent !== subject.table.name &&
      !equivalents.has(parent) &&
      kind !== 'polymorphic' &&
      !isPointer(childColumns.join('_'), child, parent) &&
      references.some(
        (each) =>
          each.child === parent &&
          isToKey(each, subject) &&
          each.childColumns.some((column) => roleOf(column, parent, subject.table.name, subject.key) === 'owner'),
      ),
  );
}

/**
 * The table of other people, such as customers, that the rows belong to. Then a reference to the subject, such as an
 * employee, only says who served them. Null without such a table.
 */
export function otherPeople({ name }: Table, survey: Survey): string | null {
  const { snapshot, references, subject } = survey;
  const found = references.find(({ child, parent, childColumns, kind }) => {
    if (child !== name || parent === subject.table.name || kind === 'polymorphic' || !isCustomersName(parent))
      return false;
    const table = snapshot.tables.get(parent);
    const categories = new Set(
      table?.columns.map((column) => (isEmailLike(column) ? 'email' : personalCategory(column.name, column.family))),
    );
    const isOfSubject = references.some(
      (each) =>
        each.child === parent &&
        isToKey(each, subject) &&
        roleOf(each.childColumns[0] ?? '', parent, subject.table.name, subject.key) !== 'actor',
    );
    const needed = isStaffName(subject.table.name) ? 2 : 3;
    return categories.size >= needed && !isOfSubject && roleOf(childColumns.at(-1) ?? '', child, parent) === 'owner';
  });
  return found?.parent ?? null;
}
