import { type Comparison, type Identity, type NamedIdentity, trimBlanks } from './identity.ts';

const ASCII = /^[\x20-\x7e]*$/;
/** Turkish writes i with a dot above as an own capital letter, and Lithuanian keeps the dot under an accent. */
const DOT_ABOVE = /([ij]\p{M}*?)\u0307/gu;

/**
 * The form that the ledger digests for holds, suppressions and look-ups, which are compared without asking a database
 * (rule 20). Values that any database compares as equal have one canonical form. The reverse is not true: two
 * subjects can have one, so the canonical form may hold or find more than was named, and never decides what is deleted.
 */
export const canonicalValue = (comparison: Comparison, value: readonly string[]): readonly string[] =>
  value.map((part) => {
    const text = trimBlanks(part);
    if (comparison !== 'caseInsensitive') return text.normalize('NFC');
    return ASCII.test(text) ? text.toLowerCase() : foldCase(text);
  });

/** The canonical form of a value. Null if it is the value itself, as for most. */
export function canonicalOrNull(comparison: Comparison, value: readonly string[]): readonly string[] | null {
  const canonical = canonicalValue(comparison, value);
  return canonical.every((part, index) => part === value[index]) ? null : canonical;
}

export const canonicalIdentity = ({ type, value, canonical }: NamedIdentity): Identity => ({
  type,
  value: canonical ?? value,
});

/** Folds one character at a time, because the lower case of a sigma at the end of a word depends on the database. */
const foldCase = (text: string): string =>
  Array.from(text.normalize('NFD'), foldCharacter).join('').replace(DOT_ABOVE, '$1').normalize('NFC');

function foldCharacter(character: string): string {
  const lower = character.toLowerCase();
  const folded = lower.toUpperCase().toLowerCase();
  return folded.length === lower.length ? folded : lower;
}

/** A composite value of more texts than this has only the forms in which all its texts are NFC or all are NFD. */
const MAX_MIXED = 3;

/** The value in the other Unicode forms, NFC and NFD, of each of its texts. Empty for ASCII. */
export function otherForms(value: readonly string[]): readonly (readonly string[])[] {
  if (value.every((part) => ASCII.test(part))) return [];
  const uniform = (['NFC', 'NFD'] as const).map((form) => value.map((part) => part.normalize(form)));
  const forms = value.filter((part) => !ASCII.test(part)).length > MAX_MIXED ? uniform : mixedForms(value);
  return forms.filter((form) => form.some((part, index) => part !== value[index]));
}

const mixedForms = (value: readonly string[]): readonly (readonly string[])[] =>
  value.reduce<readonly (readonly string[])[]>(
    (all, part) =>
      all.flatMap((before) =>
        [...new Set([part, part.normalize('NFC'), part.normalize('NFD')])].map((form) => [...before, form]),
      ),
    [[]],
  );

/**
 * The spellings by which systems are searched for an identity that the directory does not know. The first is one that
 * equal submissions have in common, as far as this is certain without a database.
 */
export function spellingsOf(comparison: Comparison, value: readonly string[]): readonly (readonly string[])[] {
  const common = value.map((part) => {
    const text = part.normalize('NFC');
    return comparison === 'caseInsensitive' ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
  });
  const isCertain = value.every(
    (part) => ASCII.test(part) && (comparison !== 'caseInsensitive' || !part.includes('I')),
  );
  const others = isCertain ? [] : [value, ...otherForms(value)];
  return [common, ...others.filter((other) => other.some((part, index) => part !== common[index]))];
}

/** The value of a stored identity in spellings that systems can compare differently from its lower case. */
export const storedSpellings = (folded: readonly string[], stored: readonly string[]): readonly (readonly string[])[] =>
  stored.every((part) => ASCII.test(part))
    ? []
    : [stored, ...otherForms(stored)].filter((other) => other.some((part, index) => part !== folded[index]));
