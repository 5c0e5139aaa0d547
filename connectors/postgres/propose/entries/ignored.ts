import { isEmailColumn, personalCategory } from '../../../data-map/coverage/personal-columns.ts';
import { type Table, keysFrom } from '../catalog/snapshot.ts';
import type { Survey } from './draft.ts';

/** A table that `check` would list and that holds no rows of the subject, as far as names and sample tell. */
export interface Ignored {
  readonly table: string;
  readonly reason: string;
  readonly why: string;
  /** A person has to confirm the reason. */
  readonly isQuestion: boolean;
}

/** `found` is what `check` says of the table. */
export function ignoredTable(name: string, found: string, survey: Survey, mapped: ReadonlySet<string>): Ignored {
  const table = survey.snapshot.tables.get(name);
  const reason = table === undefined ? null : reasonFor(table, survey, mapped);
  return {
    table: name,
    ...(reason ?? { reason: 'holds no data of the subjects', why: `it ${found}`, isQuestion: true }),
  };
}

function reasonFor(table: Table, survey: Survey, mapped: ReadonlySet<string>): Omit<Ignored, 'table'> | null {
  const { snapshot, rejected } = survey;
  const key = keysFrom(snapshot, table.name).find(({ parent }) => mapped.has(parent));
  if (key !== undefined)
    return {
      reason: `refers to rows of ${key.parent} that are kept`,
      why: `foreign key ${key.name}; rows of ${key.parent} belong to other people, or are retained`,
      isQuestion: false,
    };
  const guess = rejected.find(({ child, parent }) => child === table.name && mapped.has(parent));
  if (guess !== undefined) {
    const { sampled = 0, matched = 0 } = guess.evidence ?? {};
    const column = guess.childColumns.join(', ');
    return {
      reason: `${column} does not hold keys of ${guess.parent}`,
      why: `${matched} of ${sampled} sampled values of ${column} are keys of ${guess.parent}`,
      isQuestion: true,
    };
  }
  const categories = new Set(table.columns.map(({ name, family }) => personalCategory(name, family)));
  if (categories.size > 2)
    return { reason: 'its rows are other people or companies', why: 'it has no column with the key', isQuestion: true };
  const email = table.columns.find(({ name, family }) => isEmailColumn(name, family));
  if (email !== undefined)
    return {
      reason: `${email.name} belongs to a company or a department`,
      why: 'few sampled addresses, or no rows, are those of a subject',
      isQuestion: true,
    };
  const personal = table.columns.filter(({ name, family }) => personalCategory(name, family) !== null);
  const list = personal.map(({ name }) => name).join(', ');
  const isPointedTo = snapshot.foreignKeys.some(({ child, parent }) => parent === table.name && mapped.has(child));
  return isPointedTo && list !== ''
    ? {
        reason: 'look-up table that many rows share',
        why: `mapped rows point to it, and it has ${list}`,
        isQuestion: false,
      }
    : null;
}
