import type { Conditions } from '../../../data-map/data-map.ts';
import { isUsersName } from '../names/table-kinds.ts';
import { type Snapshot, isUnique } from '../catalog/snapshot.ts';
import { type Reference, isSame } from '../references/reference.ts';
import type { Samples } from '../sample/sample.ts';
import type { Subject } from '../settings/subject.ts';

/** Everything that a proposal is made from. */
export interface Survey {
  readonly snapshot: Snapshot;
  readonly subject: Subject;
  /** Foreign keys, and guesses that the sample has confirmed. */
  readonly references: readonly Reference[];
  /** Guesses that have the name of a reference to the subject, and values that are no keys. */
  readonly rejected: readonly Reference[];
  readonly samples: Samples;
  readonly email: EmailIdentity | null;
}

/** The identity type with the email address of a subject, and the other columns of a composite one. */
export interface EmailIdentity {
  readonly type: string;
  readonly column: string;
  readonly others: readonly string[];
}

export type Effect = 'delete' | 'retain' | 'detach';

/** One entry of `tables`, before it is written. */
export interface Draft {
  readonly table: string;
  readonly link:
    | { readonly by: 'reference'; readonly reference: Reference }
    /** `reference` leads from the rows that point here. */
    | { readonly by: 'pointed'; readonly reference: Reference; readonly sharedWith: readonly Reference[] }
    | { readonly by: 'address'; readonly columns: readonly string[]; readonly matched: Reference['evidence'] };
  readonly effect: Effect;
  /** The rows belong to other people and go with rows of the subject. */
  readonly isOthers?: boolean;
  readonly where?: Conditions;
  /** What else the comment says. */
  readonly why?: string;
  readonly questions: readonly string[];
}

export const referenceDraft = (reference: Reference, effect: Effect, questions: readonly string[] = []): Draft => ({
  table: reference.child,
  link: { by: 'reference', reference },
  effect,
  ...(reference.where === undefined ? {} : { where: reference.where }),
  questions,
});

/** Whether a reference holds the key of a subject, in the order of the key or in another one. */
export const isToKey = ({ parent, parentColumns }: Reference, { table, key }: Subject): boolean =>
  parent === table.name && isSame(parentColumns.toSorted(), key.toSorted());

/** Tables with one row per subject, such as a profile. What refers to them refers to the subject. */
export const equivalentTables = ({ references, snapshot, subject }: Survey): ReadonlySet<string> =>
  new Set(
    references
      .filter((reference) => {
        const table = snapshot.tables.get(reference.child);
        return (
          table !== undefined &&
          table.name !== subject.table.name &&
          isToKey(reference, subject) &&
          ['key', 'name'].includes(reference.kind) &&
          isUsersName(table.name) &&
          isUnique(table, reference.childColumns)
        );
      })
      .map(({ child }) => child),
  );

/** The columns of a reference in the order of the subject's key. */
export const inKeyOrder = ({ childColumns, parentColumns }: Reference, { key }: Subject): readonly string[] =>
  key.map((name) => childColumns[parentColumns.indexOf(name)] ?? '');
