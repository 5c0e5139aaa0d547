import { wordsOf } from '../../../data-map/coverage/personal-columns.ts';
import { tableName } from '../../../data-map/names.ts';
import { isPointer, singularNames } from '../names/roles.ts';
import { isOrganizationName, isReactionName } from '../names/table-kinds.ts';
import { type Reference, nullableColumns } from '../references/reference.ts';
import { answerOf } from '../sample/sample.ts';
import { sameOwnerQuestionId } from '../sample/column-statements.ts';
import { type Draft, type Survey, referenceDraft } from './draft.ts';

/** What is known about the child of a reference when its entry is decided. */
export interface ChildState {
  /** The table has an entry by which its rows belong to the subject. */
  readonly hasOwner: boolean;
  /** The table has an entry for rows of others that only refer to the subject. */
  readonly isDetached: boolean;
}

/** What becomes of rows that refer to rows that a deletion removes. */
export function childDraft(reference: Reference, state: ChildState, survey: Survey): Draft {
  const { child, parent } = reference;
  const canDetach = nullableColumns(survey.snapshot, reference).length > 0;
  const columns = reference.childColumns.join(', ');
  const others = `rows of other people refer to rows of ${parent} by ${columns}`;
  // Rows of others that refer to a deleted row of the same table, such as replies, stay.
  const isEntity = child === survey.subject.table.name || isOrganizationName(child);
  if (child === parent || isEntity || (state.isDetached && canDetach)) return referenceDraft(reference, 'detach');
  if (canDetach && isPointer(columns, child, parent)) return referenceDraft(reference, 'detach');
  if (state.hasOwner) {
    if (hasSameOwner(reference, survey)) return referenceDraft(reference, 'delete');
    if (canDetach)
      return referenceDraft(reference, 'detach', [
        `${others}; they stay without the reference, or remove detach and add export: false to delete them`,
      ]);
    return {
      ...referenceDraft(reference, 'delete', [
        `${others}, which cannot be NULL, so they are deleted with them and not exported`,
      ]),
      isOthers: true,
    };
  }
  if (canDetach && reference.onDelete === 'n' && !isDetailOf(child, parent))
    return referenceDraft(reference, 'detach', [
      `the application keeps rows of ${child} without the reference (ON DELETE SET NULL); remove detach if they belong to the person`,
    ]);
  return referenceDraft(
    reference,
    'delete',
    state.isDetached ? [`the rows belong to rows of ${parent}, and other people may have made them`] : [],
  );
}

/** Nearly all sampled rows have the owner of their parent. Without rows the name of the table decides. */
function hasSameOwner(reference: Reference, { samples }: Survey): boolean {
  const evidence = answerOf(samples, sameOwnerQuestionId(reference));
  if (evidence === undefined || evidence.sampled === 0)
    return isDetailOf(reference.child, reference.parent) && !isReactionName(reference.child);
  return evidence.matched / evidence.sampled >= 0.98;
}

/** `order_items` of `orders` */
export function isDetailOf(child: string, parent: string): boolean {
  const words = wordsOf(tableName(child).name);
  return singularNames(parent).some((name) => [`${name}_`, `${name}s_`].some((start) => words.includes(start)));
}
