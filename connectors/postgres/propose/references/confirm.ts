import { columnPath } from '../../../data-map/names.ts';
import { singularNames } from '../names/roles.ts';
import { normalName } from '../../../data-map/coverage/personal-columns.ts';
import { type Samples, answerOf } from '../sample/sample.ts';
import { documentQuestionId } from '../sample/statements.ts';
import type { Subject } from '../settings/subject.ts';
import { isWeakPath } from './documents.ts';
import { type Reference, referenceId, shareOf } from './reference.ts';

/** The share of sampled values that a guess needs, per kind. */
const NEEDED: Readonly<Record<string, number>> = { name: 0.5, suffix: 0.8, role: 0.9, array: 0.5, document: 0.5 };

/** Guesses with what the sample says. `rejected` have the name of a reference, and values that are no keys. */
export interface Confirmed {
  readonly accepted: readonly Reference[];
  readonly rejected: readonly Reference[];
}

export function confirmGuesses(guesses: readonly Reference[], samples: Samples, subject: Subject): Confirmed {
  const judged = guesses.map((guess) => withEvidence(guess, samples));
  const accepted = judged.filter((guess) => isAccepted(guess, subject));
  const byPlace = Map.groupBy(accepted, ({ child, childColumns }) => `${child}(${childColumns.map(place).join()})`);
  return {
    accepted: [...byPlace.values()].flatMap((candidates) => best(candidates, subject)),
    rejected: judged.filter((guess) => guess.kind === 'name' && !isAccepted(guess, subject)),
  };
}

/** One document column has one place, the first of its candidates. */
const place = (name: string): string => columnPath(name).column;

function withEvidence(guess: Reference, samples: Samples): Reference {
  const id =
    guess.kind === 'document'
      ? documentQuestionId(guess.child, columnPath(guess.childColumns[0] ?? '').column)
      : referenceId(guess);
  const evidence = answerOf(samples, id, guess.kind === 'document' ? referenceId(guess) : '');
  return evidence === undefined ? guess : { ...guess, evidence };
}

/** Without rows, a name decides. A word such as `author` and a place in a document need rows, except in a uuid. */
function isAccepted(guess: Reference, { table, key }: Subject): boolean {
  const share = shareOf(guess);
  if (share !== null) return share >= (isWeakPath(guess.childColumns[0] ?? '') ? 0.9 : (NEEDED[guess.kind] ?? 1));
  if (guess.kind === 'document') return false;
  if (guess.kind !== 'role') return true;
  const family = table.columns.find(({ name }) => name === key[0])?.family;
  return family !== 'text' && /(_id|Id|_by|By)$/.test(guess.childColumns[0] ?? '');
}

function best(candidates: readonly Reference[], subject: Subject): Reference[] {
  const score = (reference: Reference): readonly number[] => [
    reference.kind === 'document' ? 0 : rank(reference),
    reference.parent === subject.table.name ? 1 : 0,
    isNamedAfter(reference) ? 1 : 0,
    shareOf(reference) ?? 0,
    -reference.parent.length,
  ];
  const [first] = candidates.toSorted((a, b) => compare(score(b), score(a)));
  return first === undefined ? [] : [first];
}

const rank = ({ kind }: Reference): number => ['role', 'suffix', 'name'].indexOf(kind);

const isNamedAfter = ({ parent, childColumns }: Reference): boolean =>
  singularNames(parent).some((name) => normalName(childColumns[0] ?? '').includes(normalName(name)));

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
