import { columnPath } from '../../data-map/names.ts';
import type { Session } from '../session.ts';
import { type Snapshot, columnOf, isMappable } from './catalog/snapshot.ts';
import { type EmailIdentity, isToKey } from './entries/draft.ts';
import { isAddress } from './entries/by-address.ts';
import { detailKeys } from './entries/pointed.ts';
import { arrayGuesses, documentGuesses } from './references/documents.ts';
import { guessReferences } from './references/guesses.ts';
import {
  type PolymorphicAnswers,
  type PolymorphicPair,
  polymorphicPairs,
  polymorphicReferences,
  typeNamesOf,
} from './references/polymorphic.ts';
import { confirmGuesses } from './references/confirm.ts';
import { type Reference, keyReference } from './references/reference.ts';
import { roleOf } from './names/roles.ts';
import {
  addressQuestion,
  ghostQuestion,
  ratioQuestion,
  sameOwnerQuestion,
  textQuestion,
} from './sample/column-statements.ts';
import { type Question, type Samples, answerOf, askQuestions } from './sample/sample.ts';
import {
  CONTENT_TYPES,
  contentTypesQuestion,
  documentQuestion,
  linkQuestion,
  typesQuestion,
  typesQuestionId,
} from './sample/statements.ts';
import type { Subject } from './settings/subject.ts';

/** The references of a database, and every answer of the samples. */
export interface Answers {
  readonly references: readonly Reference[];
  readonly rejected: readonly Reference[];
  readonly samples: Samples;
}

/** Samples what names and types suggest. */
export async function askAboutReferences(session: Session, snapshot: Snapshot, subject: Subject): Promise<Answers> {
  const guesses = [...guessReferences(snapshot, subject), ...arrayGuesses(snapshot, subject)];
  const documents = documentGuesses(snapshot, subject);
  const pairs = polymorphicPairs(snapshot);
  const tables = [...snapshot.tables.values()].filter(isMappable);
  const names = typeNamesOf(tables.map(({ name }) => name));
  const samples = await askQuestions(session, [
    ...guesses.flatMap((guess) => linkQuestion(guess, snapshot)),
    ...[...Map.groupBy(documents, documentColumn).values()].flatMap((references) =>
      documentQuestion(references, snapshot),
    ),
    ...pairs.flatMap((pair) => typesQuestion(pair, [...new Set([...names.values()].flat())], snapshot)),
    ...contentTypes(
      pairs,
      tables.map(({ name }) => name),
    ),
    ...tables.flatMap(textQuestion),
    ...detailKeys({ snapshot }).map(ratioQuestion),
    ...ghostQuestion(subject),
  ]);
  const { accepted, rejected } = confirmGuesses([...guesses, ...documents], samples, subject);
  const answers = polymorphicAnswers(samples);
  const polymorphic = tables.flatMap((table) =>
    polymorphicReferences(pairs, table, subject, names.get(table.name) ?? [], answers),
  );
  return { references: [...snapshot.foreignKeys.map(keyReference), ...accepted, ...polymorphic], rejected, samples };
}

const documentColumn = ({ child, childColumns }: Reference): string =>
  `${child}.${columnPath(childColumns[0] ?? '').column}`;

const withoutSchema = (name: string): string => name.slice(name.indexOf('.') + 1);

function contentTypes(pairs: readonly PolymorphicPair[], tables: readonly string[]): Question[] {
  const types = pairs.find((pair) => pair.types !== undefined)?.types;
  return types === undefined ? [] : [contentTypesQuestion(types, tables.map(withoutSchema))];
}

const polymorphicAnswers = (samples: Samples): PolymorphicAnswers => ({
  isSampled: ({ table, type }) => samples.get(typesQuestionId(table, type.name))?.has('') === true,
  occurs: ({ table, type }, name) => samples.get(typesQuestionId(table, type.name))?.has(name) === true,
  typeNumber: (table) => answerOf(samples, CONTENT_TYPES, withoutSchema(table))?.matched ?? null,
});

/** Samples what depends on the references and identities that are known by then. */
export async function askAboutRows(
  session: Session,
  snapshot: Snapshot,
  subject: Subject,
  { references, samples }: Answers,
  email: EmailIdentity | null,
): Promise<Samples> {
  const owners = references.filter(
    (reference) =>
      isToKey(reference, subject) &&
      ['key', 'name', 'suffix', 'role'].includes(reference.kind) &&
      roleOf(reference.childColumns.at(-1) ?? '', reference.child, subject.table.name, subject.key) !== 'actor',
  );
  const owner = (table: string): Reference | undefined => owners.find(({ child }) => child === table);
  const shared = references.flatMap((reference) => {
    const [child, parent] = [owner(reference.child), owner(reference.parent)];
    const isLink = reference.child !== reference.parent && reference.where === undefined;
    return isLink && child !== undefined && parent !== undefined ? [sameOwnerQuestion(reference, child, parent)] : [];
  });
  const addresses =
    email === null
      ? []
      : [...snapshot.tables.values()].filter(isMappable).flatMap((table) =>
          table.columns
            .filter((column) => table.name !== subject.table.name && isAddress(table.name, column, samples))
            .filter(() => columnOf(subject.table, email.column) !== undefined)
            .map(({ name }) => addressQuestion(table.name, name, subject, email.column)),
        );
  return new Map([...samples, ...(await askQuestions(session, [...shared, ...addresses]))]);
}
