import { columnPath } from '../../../data-map/names.ts';
import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import type { Table } from '../catalog/snapshot.ts';
import { type Role, isPolymorphicActor, roleOf } from '../names/roles.ts';
import { isContentName, isOrganizationName, isSharedName, isStaffName, isUsersName } from '../names/table-kinds.ts';
import { type Reference, nullableColumns } from '../references/reference.ts';
import { isContainer, isOwnedByOther, otherPeople } from './shared-rows.ts';
import { type Draft, type Survey, equivalentTables, isToKey, referenceDraft } from './draft.ts';

/** The entries of tables that have the key of a subject. Rows of the subject are deleted, rows of others detached. */
export function directDrafts(survey: Survey): readonly Draft[] {
  const equivalents = equivalentTables(survey);
  const direct = survey.references.filter(
    (reference) =>
      isToKey(reference, survey.subject) || (equivalents.has(reference.parent) && reference.child !== reference.parent),
  );
  return [...Map.groupBy(direct, ({ child }) => child)].flatMap(([child, references]) => {
    const table = survey.snapshot.tables.get(child);
    if (table === undefined) return [];
    return child === survey.subject.table.name
      ? references.map((reference) => referenceDraft(reference, 'detach'))
      : tableDrafts(table, references, survey);
  });
}

interface Judged {
  readonly reference: Reference;
  readonly role: Role;
}

function tableDrafts(table: Table, references: readonly Reference[], survey: Survey): Draft[] {
  const columns = references.filter(({ kind }) => kind !== 'document' && kind !== 'array');
  const judged = columns.map((reference): Judged => ({ reference, role: roleIn(reference, survey) }));
  const isLink = isLinkTable(table, columns);
  const owners = judged.filter(({ role, reference }) => role === 'owner' && reference.kind !== 'polymorphic');
  const drafts = judged.flatMap((each): Draft[] => {
    if (isLink) return [referenceDraft(each.reference, 'delete')];
    // Rows of other people about this person are judged with the rows that belong to the person's other rows.
    if (each.reference.kind === 'polymorphic' && owners.length > 0) return [];
    return [judge(each, judged, table, survey)];
  });
  const arrays = references
    .filter(({ kind }) => kind === 'array')
    .map((reference) => referenceDraft(reference, 'detach'));
  // A document of a table that has the key in a column usually repeats it.
  const documents = columns.length > 0 ? [] : references.filter(({ kind }) => kind === 'document');
  return [...drafts, ...arrays, ...documents.map((reference) => referenceDraft(reference, 'delete'))];
}

function roleIn({ kind, childColumns, child, parent }: Reference, { subject }: Survey): Role {
  const name = columnPath(childColumns.at(-1) ?? '').column;
  if (kind === 'polymorphic') return isPolymorphicActor(name) ? 'party' : 'owner';
  // A row whose primary key is the key of the subject is one-to-one.
  if (wordsOf(name) === 'id') return 'owner';
  const own = roleOf(name, child, subject.table.name, subject.key);
  // A name such as `profile_id` is only known to mean the subject by the table that it refers to.
  return parent === subject.table.name || own !== 'unknown' ? own : roleOf(name, child, parent);
}

function judge({ reference, role }: Judged, all: readonly Judged[], table: Table, survey: Survey): Draft {
  const owners = all.filter((each) => each.role === 'owner');
  const parties = all.filter((each) => each.role === 'party').toSorted((a, b) => rankOf(a) - rankOf(b));
  const column = reference.childColumns.join(', ');
  const isServed = isStaffName(survey.subject.table.name) && isSharedName(table.name);
  const isShared = isContainer(table, survey) || isServed;
  if (role === 'actor') return referenceDraft(reference, 'detach');
  if (isOrganizationName(survey.subject.table.name) && isUsersName(table.name))
    return detach(
      reference,
      `rows of ${table.name} are people; remove detach if they are deleted with the organization`,
    );
  const others = role === 'owner' || role === 'party' ? otherPeople(table, survey) : null;
  if (others !== null)
    return detach(
      reference,
      `the rows may belong to ${others}, and ${column} only says who served them; remove detach if they are the person's own`,
    );
  if (role === 'owner')
    return isShared
      ? detach(
          reference,
          `${column} names the owner of rows that other people share; remove detach if they are deleted with the owner`,
        )
      : referenceDraft(reference, 'delete', ownerQuestions(reference));
  if (role === 'party') {
    if (owners.length > 0)
      return detach(
        reference,
        `${column} is a second person of the row, which belongs to ${owners[0]?.reference.childColumns.join(', ')}; remove detach if the row is deleted with either`,
      );
    const isFirst = parties[0]?.reference === reference || parties.every((each) => isPeer(each, parties[0]));
    if (!isFirst)
      return detach(
        reference,
        `${column} is a second person of the row; remove detach if the row is deleted with either`,
      );
    const isByOwner = isOwnedByOther(table, survey) && !isContentName(table.name);
    return isShared || isSharedName(table.name) || isByOwner
      ? detach(
          reference,
          `${column} may name a person who created a row that other people share; remove detach if the rows are the person's own`,
        )
      : referenceDraft(reference, 'delete');
  }
  const isOnly = owners.length === 0 && parties.length === 0;
  const isBound = nullableColumns(survey.snapshot, reference).length === 0 || reference.onDelete === 'c';
  return isOnly && isBound
    ? referenceDraft(reference, 'delete', [
        `the name ${column} does not say whether the rows belong to the person; use detach if they belong to others`,
      ])
    : detach(
        reference,
        `the name ${column} does not say whether the rows belong to the person; remove detach if they do`,
      );
}

/** A row that has a recipient and no sender is sent by the application, such as a notification. */
const rankOf = ({ reference }: Judged): number =>
  /(recipient|receiver|addressee|^to_)/.test(wordsOf(reference.childColumns.at(-1) ?? '')) ? 0 : 1;

const isPeer = (each: Judged, first: Judged | undefined): boolean =>
  first !== undefined &&
  each.reference.childColumns.length === first.reference.childColumns.length &&
  /\d$|^(seller|buyer)/.test(wordsOf(each.reference.childColumns[0] ?? ''));

const detach = (reference: Reference, question: string): Draft => referenceDraft(reference, 'detach', [question]);

const ownerQuestions = ({ onDelete, child }: Reference): string[] =>
  onDelete === 'n' || onDelete === 'd'
    ? [
        `the application keeps rows of ${child} when it deletes the person (ON DELETE SET ${onDelete === 'n' ? 'NULL' : 'DEFAULT'}); use detach if they hold nothing personal`,
      ]
    : [];

/** Whether a row only links people: all columns of a unique index refer to subjects. */
function isLinkTable(table: Table, references: readonly Reference[]): boolean {
  if (references.length < 2) return false;
  const linking = new Set(references.flatMap(({ childColumns }) => childColumns));
  return table.indexes.some(
    ({ isUnique: unique, keys, isPartial }) =>
      unique && !isPartial && keys.length >= 2 && keys.every((key) => linking.has(key)),
  );
}
