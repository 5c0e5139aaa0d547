import { isRetainedName, keepsNoRecords } from '../names/table-kinds.ts';
import { type Reference, isSame, nullableColumns } from '../references/reference.ts';
import { keysFrom } from '../catalog/snapshot.ts';
import { childDraft, isDetailOf } from './children.ts';
import { directDrafts } from './direct.ts';
import { type Draft, type Survey, isToKey, referenceDraft } from './draft.ts';

/**
 * The entries of rows that belong or refer to the subject, found by following references down from the subject. A row
 * that has to stay keeps the rows that it cannot do without, so the search is repeated until no more rows have to stay.
 */
export function collectDrafts(survey: Survey): readonly Draft[] {
  const retained = new Set([...survey.snapshot.tables.keys()].filter(isRetainedName));
  for (;;) {
    const before = retained.size;
    const drafts = follow(survey, retained);
    if (retained.size === before) return drafts;
  }
}

function follow(survey: Survey, retained: Set<string>): readonly Draft[] {
  const { subject } = survey;
  const direct = [...directDrafts(survey), ...equalKeyDrafts(survey)].map((draft) =>
    draft.effect === 'delete' && retained.has(draft.table) ? { ...draft, effect: 'retain' as const } : draft,
  );
  const drafts: Draft[] = [...direct];
  const stays = (table: string): boolean => retained.has(table) && table !== subject.table.name;
  const owners = new Set(direct.filter(isOwned).map(({ table }) => table));
  const open = [subject.table.name, ...owners];
  const seen = new Set(open);
  for (let parent = open.shift(); parent !== undefined; parent = open.shift()) {
    for (const reference of survey.references.filter((each) => each.parent === parent)) {
      if (isDrafted(reference, direct, survey)) continue;
      const own = direct.filter(({ table }) => table === reference.child);
      const state = {
        hasOwner: own.some((draft) => isOwned(draft) && isOtherReference(draft, reference)),
        isDetached: own.length > 0 && !own.some(isOwned),
      };
      const draft = draftOf(reference, state, { survey, retained, stays });
      if (draft === null) continue;
      if (isOwned(draft) && leadsTo(parent, reference.child, drafts)) {
        drafts.push({ ...referenceDraft(reference, 'detach'), why: 'the rows are found without it' });
        continue;
      }
      drafts.push(draft);
      if (!isOwned(draft) || seen.has(draft.table)) continue;
      seen.add(draft.table);
      open.push(draft.table);
    }
  }
  return drafts;
}

/** A polymorphic pair refers to one row, so that it says nothing about rows of another type. Without rows it is a guess. */
const isOtherReference = ({ link }: Draft, reference: Reference): boolean =>
  link.by !== 'reference' ||
  link.reference.kind !== 'polymorphic' ||
  (link.reference.evidence !== undefined && !isSame(link.reference.childColumns, reference.childColumns));

const isOwned = ({ effect }: Draft): boolean => effect !== 'detach';

/** Whether rows of a table are found through rows of the other one, so that a link back would be circular. */
function leadsTo(table: string, other: string, drafts: readonly Draft[]): boolean {
  const parents = drafts.flatMap((draft) =>
    draft.table === table && isOwned(draft) && draft.link.by === 'reference' ? [draft.link.reference.parent] : [],
  );
  return parents.some((parent) => parent !== table && (parent === other || leadsTo(parent, other, drafts)));
}

/** Whether the entries by key cover the reference, or it is a document or an array, which only hold keys. */
function isDrafted(reference: Reference, direct: readonly Draft[], { subject }: Survey): boolean {
  if (direct.some(({ link }) => link.by === 'reference' && link.reference === reference)) return true;
  const isRepeated = reference.kind === 'document' || reference.kind === 'array';
  return isRepeated && isToKey(reference, subject);
}

interface Search {
  readonly survey: Survey;
  readonly retained: Set<string>;
  readonly stays: (table: string) => boolean;
}

function draftOf(
  reference: Reference,
  state: Parameters<typeof childDraft>[1],
  { survey, retained, stays }: Search,
): Draft | null {
  const { child, parent } = reference;
  const canUnlink = nullableColumns(survey.snapshot, reference).length > 0;
  if (stays(parent)) {
    if (state.hasOwner || child === parent || child === survey.subject.table.name) return null;
    if (state.isDetached && canUnlink && !isDetailOf(child, parent)) return null;
    // One retained row below a polymorphic pair does not make all of its rows records.
    if (reference.kind === 'polymorphic') return null;
    if (keepsNoRecords(child)) return referenceDraft(reference, 'delete');
    retained.add(child);
    return referenceDraft(reference, 'retain');
  }
  const draft = childDraft(reference, state, survey);
  if (!stays(child) || draft.effect === 'detach') return draft;
  if (!canUnlink && parent !== survey.subject.table.name) {
    // The retained row would lose a row that it needs.
    retained.add(parent);
    return null;
  }
  return referenceDraft(reference, state.hasOwner ? 'detach' : 'retain');
}

/** A table whose rows have the key of the subject's row, which refers to it: `auth.users` for `public.profiles`. */
function equalKeyDrafts({ snapshot, subject }: Survey): Draft[] {
  return keysFrom(snapshot, subject.table.name).flatMap((key) => {
    if (!isSame(key.childColumns.toSorted(), subject.key.toSorted()) || key.parent === subject.table.name) return [];
    const columns = subject.key.map((name) => key.parentColumns[key.childColumns.indexOf(name)] ?? '');
    const reference: Reference = {
      kind: 'key',
      child: key.parent,
      childColumns: columns,
      parent: subject.table.name,
      parentColumns: subject.key,
      constraint: key.name,
    };
    return [{ ...referenceDraft(reference, 'delete'), why: `${subject.table.name} has its key` }];
  });
}
